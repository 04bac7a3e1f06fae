//! Files that are damaged or meant to harm: no secret is shown, nothing panics, nothing takes minutes.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::validate::{changed, validate};
use super::{code, pollinator, text};

/// However a text is damaged, what it says of the damage holds no secret.
#[test]
fn no_secret_is_shown_of_a_broken_text() {
    let secret = "hunter2hunter2";
    let instance = changed(
        "  configuration:\n",
        "  configuration:\n    oauth.api.secret: hunter2hunter2\n    hub.authorization: 'User hunter2hunter2'\n    \
         event.notification.callback.headers: |\n      Authorization: hunter2hunter2\n    \
         oauth.user.refresh_token: \"hunter2hunter2\"\n",
    );
    let kept = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: concur\ntype: Opaque\nstringData:\n  any: hunter2hunter2\n  \
                name: hunter2hunter2\n  pem: |\n    -----BEGIN-----\n    hunter2hunter2\n  \"quoted\": \"hunter2hunter2\"\n";
    let json = json!({"element": {"key": "concur"}, "providerData": {"code": secret}, "configuration": {
        "oauth.api.secret": secret, "event.notification.basic.password": secret,
        "event.notification.callback.headers": {"Authorization": secret},
        "event.notification.signature.key": format!("\"{secret}\\"),
    }});
    let texts = [
        ("a.yaml", instance),
        ("a.yaml", kept.to_owned()),
        ("a.json", json.to_string()),
        ("a.json", format!("{json:#}")),
        (
            "a.json",
            format!(
                "{:#}",
                json!({"kind": "Secret", "stringData": {"a": secret, "kind": secret}})
            ),
        ),
    ];
    let mut random = Random(7);
    let mut files = Vec::new();
    for (name, text) in texts {
        for number in 0..150 {
            files.push((
                format!("{number}-{}-{name}", files.len()),
                random.damaged(&text, secret),
            ));
        }
    }
    let folder = TempDir::new().unwrap();
    for (name, content) in &files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    for form in ["text", "json"] {
        let args = ["validate", "-f", ".", "--output", form];
        let output = pollinator(&args).current_dir(folder.path()).output().unwrap();
        let printed = text(&output);
        assert_eq!(code(&output), 1);
        let at = printed.find(secret);
        let around = at.map(|at| {
            printed[at.saturating_sub(600)..]
                .chars()
                .take(900)
                .collect::<String>()
        });
        assert_eq!(around, None);
        assert!(
            form == "json" || printed.contains("********"),
            "excerpts are shown"
        );
    }
}

/// A small generator, so that the test is the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Some bytes replaced, put in or taken out, but none of a name or of `secret`: a secret is known by its key.
    fn damaged(&mut self, text: &str, secret: &str) -> Vec<u8> {
        const BREAKERS: &[u8] = b"{}[]:,\"'\\\t\n -#&*!|>%@?";
        let mut text = text.as_bytes().to_vec();
        for _ in 0..=self.below(2) {
            let marks: Vec<_> = (0..text.len())
                .filter(|at| !text[*at].is_ascii_alphanumeric() && !b"._".contains(&text[*at]))
                .collect();
            let at = marks[self.below(marks.len())];
            let inside = text
                .windows(secret.len())
                .position(|part| part == secret.as_bytes());
            if inside.is_some_and(|begin| (begin..begin + secret.len()).contains(&at)) {
                continue;
            }
            let breaker = BREAKERS[self.below(BREAKERS.len())];
            match self.below(3) {
                0 => text[at] = breaker,
                1 => text.insert(at, breaker),
                _ => drop(text.remove(at)),
            }
        }
        text
    }
}

/// Nothing that is read may panic, eat the machine or take minutes.
#[test]
fn hostile_files_are_refused_in_time() {
    const PRINTABLE: &[u8] = b" {}[]:,\"'-\n#&*!|>%@abc\t";
    let mut random = Random(1);
    let noise: Vec<u8> = (0..100_000)
        .map(|_| u8::try_from(random.below(256)).unwrap())
        .collect();
    let printable: Vec<u8> = (0..100_000)
        .map(|_| PRINTABLE[random.below(PRINTABLE.len())])
        .collect();
    let bomb = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, number| {
        let next = number + 1;
        format!("{text}a{next}: &a{next} [*a{number}, *a{number}, *a{number}, *a{number}]\n")
    });
    let wide = format!("{{\"element\": {{\"key\": \"{}\"}}}}", "x".repeat(10 << 20));
    let secrets = format!("{{{}", "\"oauth.api.secret\": 1, ".repeat(200_000));
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("noise.yaml", noise),
        ("printable.yaml", printable),
        ("open.yaml", b"[".repeat(10_000)),
        ("open.json", b"[".repeat(10_000)),
        ("deep.yaml", b"{a: ".repeat(10_000)),
        ("nested.json", [b"[".repeat(10_000), b"]".repeat(10_000)].concat()),
        ("bomb.yaml", bomb.into_bytes()),
        ("wide.json", wide.into_bytes()),
        ("secrets.json", secrets.into_bytes()),
        ("documents.yaml", b"---\na: [\n".repeat(20_000)),
        ("keys.yaml", b"a: &a {<<: *a}\n".repeat(20_000)),
        ("lines.yaml", b"- a: b\n".repeat(1 << 16)),
        ("empty.json", Vec::new()),
    ];
    for (name, content) in files {
        let begun = Instant::now();
        let output = validate(&[(name, &content)], &[]);
        let printed = text(&output);
        let shown: String = printed.chars().take(500).collect();
        assert_eq!(output.status.code(), Some(1), "{name}: {shown}");
        assert!(!printed.contains("panicked"), "{name}: {shown}");
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{name}: {:?}",
            begun.elapsed()
        );
    }
}
