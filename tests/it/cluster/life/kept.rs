//! What was seen, without what differs from run to run, and the files that keep it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::site::{Site, condition};
use super::judges::Verdict;
use super::recorder::Revision;

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gitops/argocd");

/// One blank between columns, no ages and no times.
pub(super) fn normal_table(table: &str) -> String {
    let is_age = |word: &str| {
        let units = word.trim_end_matches(|c: char| c.is_ascii_digit() || "smh".contains(c));
        units.is_empty() && word.starts_with(|c: char| c.is_ascii_digit())
    };
    let is_time = |word: &str| word.parse::<jiff::Timestamp>().is_ok();
    let mut header = true;
    let mut text = String::new();
    for line in table.lines() {
        let interval = |at: usize| at == 6; // its own column, which says what was configured
        let words = line.split_whitespace().enumerate().map(|(at, word)| match word {
            _ if header => word,
            word if is_age(word) && !interval(at) => "AGO",
            word if is_time(word) => "TIME",
            word => word,
        });
        let words: Vec<&str> = words.collect();
        writeln!(text, "    {}", words.join(" ")).unwrap();
        header = false;
    }
    text
}

/// No addresses, names or times of this run.
pub(super) fn normal_words(site: &Site, text: &str) -> String {
    let [token, api, receiver] = site.urls();
    let host = |url: &str| url.trim_start_matches("http://").to_owned();
    let mut text = text.replace(site.namespace, "finance");
    for (url, name) in [(token, "token"), (api, "api"), (receiver, "receiver")] {
        text = text
            .replace(url, &format!("https://{name}.example.com"))
            .replace(&host(url), &format!("{name}.example.com"));
    }
    let mut parts = text.split(" (correlation id ");
    let mut normal = parts.next().unwrap().replace("127.0.0.1", "api.example.com");
    for part in parts {
        normal.push_str(
            &part
                .split_once(')')
                .unwrap()
                .1
                .replace("127.0.0.1", "api.example.com"),
        );
    }
    normal
}

/// The first object of each health and reason, as Argo CD wants the tests of a health script.
pub(super) fn check_testdata(site: &Site, revisions: &[Revision], health: &[Verdict]) {
    let (mut files, mut tests) = (BTreeMap::new(), Vec::new());
    for (Revision { object, .. }, verdict) in revisions.iter().zip(health) {
        let observed = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let reason = condition(object, "Ready")["reason"].clone();
        let reason = reason.as_str().unwrap_or("New").to_owned() + if observed { "" } else { "_edited" };
        let path = format!("testdata/{}_{reason}.yaml", verdict.status.to_lowercase());
        let deleted = object["metadata"].get("deletionTimestamp").is_some();
        if deleted || files.contains_key(&path) {
            continue;
        }
        files.insert(path.clone(), yaml(&normal_object(site, object)));
        let message = normal_words(site, &verdict.message);
        tests
            .push(json!({"healthStatus": {"status": verdict.status, "message": message}, "inputPath": path}));
    }
    files.insert("health_test.yaml".to_owned(), yaml(&json!({"tests": tests})));
    for (path, text) in &files {
        check_file(&PathBuf::from(TESTDATA).join(path), text);
    }
    for file in std::fs::read_dir(PathBuf::from(TESTDATA).join("testdata")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            files.contains_key(&format!("testdata/{name}")),
            "{name} is of no revision; remove it"
        );
    }
}

fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap()
}

/// What Argo CD would show, without what differs from run to run.
fn normal_object(site: &Site, object: &Value) -> Value {
    let mut status = json!({"observedGeneration": object["status"]["observedGeneration"]});
    if let Some(conditions) = object["status"]["conditions"].as_array() {
        let mut conditions = conditions.clone();
        for condition in &mut conditions {
            condition["lastTransitionTime"] = json!("2026-01-01T00:00:00Z");
            let message = normal_words(site, condition["message"].as_str().unwrap());
            condition["message"] = message.into();
        }
        status["conditions"] = conditions.into();
    }
    let spec = normal_words(site, &object["spec"].to_string());
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "metadata": {
            "name": object["metadata"]["name"],
            "namespace": "finance",
            "generation": object["metadata"]["generation"],
        },
        "spec": serde_json::from_str::<Value>(&spec).unwrap(),
        "status": status,
    })
}

pub(super) fn check_file(path: &Path, fresh: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, fresh).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    let remedy = "look whether that is better, then run: UPDATE=1 cargo test --test it life";
    assert!(stored == fresh, "{} differs; {remedy}:\n{fresh}", path.display());
}
