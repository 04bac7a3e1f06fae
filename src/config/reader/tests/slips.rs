//! What is written wrongly and can only mean one thing, and what could mean two.

use super::*;

/// Understood as the field says, with a warning at the place.
fn understood(reading: Reading, path: &str, part: &str) -> Settings {
    warning(&reading, path, part);
    settings(reading)
}

fn entry_at(name: &str) -> String {
    format!("{POLLER}.reports.{name}")
}

#[test]
fn keys_in_another_case() {
    let renamed = |from: &str, to: &str| {
        changed(|spec| {
            let keys = spec["configuration"].as_object_mut().unwrap();
            let value = keys.shift_remove(from).unwrap();
            keys.insert(to.to_owned(), value);
        })
    };
    for (from, to) in [
        ("event.poller.configuration", "Event.Poller.Configuration"),
        ("event.poller.refresh_interval", " event.poller.refresh_interval"),
        ("event.vendor.type", "vendor.event.type"),
    ] {
        let path = if to.starts_with(|c: char| c.is_ascii_alphabetic()) {
            format!("spec.configuration[{to:?}]")
        } else {
            "spec.configuration[\" event.poller.refresh_interval\"]".to_owned()
        };
        understood(renamed(from, to), &path, &format!("is read as {from}"));
    }
    // Its problems stand where it stands.
    let reading = changed(|spec| spec["configuration"]["Filter.Response.Nulls"] = json!("maybe"));
    problem(
        reading,
        r#"spec.configuration["Filter.Response.Nulls"]"#,
        "neither true nor false",
    );
    let both = |value: &str| changed(|spec| spec["configuration"]["Event.Vendor.Type"] = json!(value));
    problem(
        both("webhook"),
        r#"spec.configuration["Event.Vendor.Type"]"#,
        "with another value",
    );
    settings(both("polling"));
    settings(both(""));

    let given = [
        ("oauth.api.secret", "s"),
        ("oauth.user.refresh_token", "t"),
        ("Oauth.User.Refresh_Token", "other"),
    ];
    let shown = problems(read_json(sample(), &secrets(&given)));
    assert!(
        shown.len() == 1 && shown[0].contains("two spellings"),
        "{shown:?}"
    );
}

#[test]
fn fields_in_another_case() {
    let spelled = |name: &str, value: Value| with_entry(|entry| entry[name] = value);
    for (name, field) in [
        ("filterbyUpdatedDate", "filterByUpdatedDate"),
        ("filterByUpdateDate", "filterByUpdatedDate"),
        ("FilterByUpdatedDate", "filterByUpdatedDate"),
        (" filter_by_updated_date", "filterByUpdatedDate"),
    ] {
        let path = if name.starts_with(' ') {
            format!("{POLLER}.reports[{name:?}]")
        } else {
            entry_at(name)
        };
        let settings = understood(
            spelled(name, json!("False")),
            &path,
            &format!("is read as {field}"),
        );
        assert!(!settings.resources[0].filter_by_updated_date, "{name}");
    }
    let zone = understood(
        spelled("UpdatedDateTimezone", json!("PST")),
        &entry_at("UpdatedDateTimezone"),
        "is read as",
    );
    let read = zone.resources[0]
        .updated
        .as_ref()
        .unwrap()
        .read(&json!({"LastModifiedDate": "2018-07-01T00:00:00"}));
    assert_eq!(read.unwrap().unwrap().to_string(), "2018-07-01T07:00:00Z");

    problem(
        spelled("Url", json!("/other")),
        &entry_at("Url"),
        "both are read as url",
    );
    understood(
        spelled("URL", reports()["url"].clone()),
        &entry_at("URL"),
        "is read as url",
    );
    understood(
        spelled("idfeild", json!("x")),
        &entry_at("idfeild"),
        "did you mean idField?",
    );
    understood(spelled("postHooks", json!([])), &entry_at("postHooks"), "UiPath");
    understood(
        spelled("xPath", json!("//other")),
        &entry_at("xPath"),
        "no effect beside idField",
    );
    let x_path = with_entry(|entry| {
        entry.as_object_mut().unwrap().shift_remove("idField");
        entry["xPath"] = json!("//Key");
    });
    let settings = understood(x_path, &entry_at("xPath"), "is read as idField");
    assert_eq!(settings.resources[0].id_field.to_string(), "Key");
}

#[test]
fn fields_in_the_wrong_object() {
    let dates = |name: &str| entry_at(&format!("datesConfiguration.{name}"));
    let reading = with_entry(|entry| entry["datesConfiguration"]["createdCheckTolerance"] = json!("5"));
    let settings = understood(reading, &dates("createdCheckTolerance"), "belongs beside it");
    assert_eq!(
        settings.resources[0].created_check_tolerance,
        Duration::from_secs(5)
    );

    let reading = with_entry(|entry| {
        entry["createdDateField"] = json!("Made");
        entry["datesConfiguration"]["createdDateField"] = json!("");
    });
    let settings = understood(
        reading,
        &entry_at("createdDateField"),
        "belongs into datesConfiguration",
    );
    assert_eq!(
        settings.resources[0].created.as_ref().unwrap().path().to_string(),
        "Made"
    );

    let reading = with_entry(|entry| {
        entry["pageSize"] = json!(7);
        entry["datesConfiguration"]["pagesize"] = json!(8);
    });
    problem(reading, &dates("pagesize"), "both are read as pageSize");
    let nested = with_entry(|entry| entry["lists"] = reports());
    problem(nested, &entry_at("lists"), "is an entry inside another one");
}

#[test]
fn quotes_and_blanks() {
    let format =
        |name: &str, value: &str| with_entry(|entry| entry["datesConfiguration"][name] = json!(value));
    let path = entry_at("datesConfiguration.createdDateFormat");
    let settings = understood(
        format("createdDateFormat", "milliseconds'"),
        &path,
        "milliseconds",
    );
    assert_eq!(
        settings.resources[0]
            .created
            .as_ref()
            .unwrap()
            .pattern()
            .to_string(),
        "milliseconds"
    );
    understood(
        format("createdDateFormat", "yyyy-MM-dd'T'HH:mm:ss'"),
        &path,
        "yyyy-MM-dd'T'HH:mm:ss",
    );
    problem(format("createdDateFormat", "518862600'"), &path, "518862600");
    let url = with_entry(|entry| entry["url"] = json!(" /x?where=a>'${date:yyyy-MM-dd'T'HH:mm:ss}'' "));
    understood(url, &entry_at("url"), "a quote without its partner");
    for placeholder in ["/{{page.object}}", "/<INSERT_objectName>"] {
        let url = with_entry(|entry| entry["url"] = json!(placeholder));
        understood(url, &entry_at("url"), "put a real value in its place");
    }
    let name = with_key("event.poller.configuration", json!({" reports ": reports()}));
    let settings = understood(
        name,
        &format!("{POLLER}[\" reports \"]"),
        "is read as \"reports\"",
    );
    assert_eq!(settings.resources[0].name, "reports");
}

#[test]
fn json_that_is_nearly_json() {
    let object = json!({"reports": reports()});
    let text = object.to_string();
    let pretty = serde_json::to_string_pretty(&object).unwrap();
    let inside = text.trim_matches(['{', '}']);
    for (written, part) in [
        (json!(text).to_string(), "JSON text that holds JSON text"),
        (text.replace('"', "\\\""), "is escaped once more"),
        (
            text.replacen('"', "\u{201c}", 1).replacen('"', "\u{201d}", 1),
            "typographic quotes",
        ),
        (format!("{inside}}}}},"), "lacks the braces"),
        (text.replace("}}", "},}"), "a comma behind"),
        (
            json!({"event.poller.configuration": object}).to_string(),
            "holds its own name",
        ),
        (
            "{reports: {url: '/x', idField: ID}}".to_owned(),
            "is read as YAML",
        ),
        (
            "reports:\n  url: /x\n  idField: ID\n".to_owned(),
            "is read as YAML",
        ),
    ] {
        let settings = understood(
            with_key("event.poller.configuration", json!(written)),
            POLLER,
            part,
        );
        assert_eq!(settings.resources[0].name, "reports", "{written}");
    }
    assert_eq!(with_key("event.poller.configuration", json!(pretty)).warnings, []);
    for (written, part) in [
        (text[..40].to_owned(), "is no valid JSON"),
        ("{\"reports\": \u{fc}}".to_owned(), "near"),
        (
            format!(
                "{{\"a\": {{\"url\": \"/a\", \"url\": \"/b\", \"idField\": \"id\"}}, \"r\": {}}}",
                reports()
            ),
            "stands there twice",
        ),
        ("{,,}".to_owned(), "is no valid JSON"),
        ("[".repeat(10_000), "is no valid JSON"),
    ] {
        let shown = problems(with_key("event.poller.configuration", json!(written)));
        assert!(shown.len() == 1 && shown[0].contains(part), "{shown:?}");
    }
}

#[test]
fn entries_beside_the_poller_configuration() {
    let stray = changed(|spec| {
        let keys = spec["configuration"].as_object_mut().unwrap();
        keys.shift_remove("event.poller.configuration");
        keys.insert("reports".to_owned(), reports());
    });
    let path = r#"spec.configuration["reports"]"#;
    assert_eq!(understood(stray, path, "is read as an entry").resources.len(), 1);
    let beside = changed(|spec| spec["configuration"]["lists"] = reports());
    let settings = understood(beside, r#"spec.configuration["lists"]"#, "is not polled");
    assert_eq!(settings.resources.len(), 1);
}
