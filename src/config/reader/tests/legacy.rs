//! `event.poller.urls`, `event.objects`, and what is polled where nothing says it.

use super::*;

fn defaults() -> Value {
    json!({
        "reports": reports(),
        "entries": {"url": "/hubs/expense/entries", "idField": "ID", "pageSize": 50}
    })
}

/// The sample with these keys in the place of its poller configuration.
fn instead(keys: Value, defaults: Value) -> Reading {
    let mut spec = sample();
    let configuration = spec["configuration"].as_object_mut().unwrap();
    configuration.shift_remove("event.poller.configuration");
    configuration.extend(keys.as_object().unwrap().clone());
    read_with_defaults(spec, &credentials(), defaults)
}

fn names(reading: Reading) -> Vec<String> {
    settings(reading)
        .resources
        .into_iter()
        .map(|resource| resource.name)
        .collect()
}

const URLS: &str = r#"spec.configuration["event.poller.urls"]"#;
const OBJECTS: &str = r#"spec.configuration["event.objects"]"#;

#[test]
fn names_are_the_elements_default_entries() {
    for (urls, expected) in [
        (json!("reports"), vec!["reports"]),
        (json!("entries|reports"), vec!["entries", "reports"]),
        (json!(" entries , reports\n"), vec!["entries", "reports"]),
        (json!("reports\r\nentries\n\n"), vec!["reports", "entries"]),
        (json!(["reports", "entries"]), vec!["reports", "entries"]),
    ] {
        let reading = instead(json!({"event.poller.urls": urls}), defaults());
        assert_eq!(reading.warnings, []);
        assert_eq!(names(reading), expected, "{urls}");
    }
    let refused = |urls: Value, defaults: Value, path: &str, part: &str| {
        problem(instead(json!({"event.poller.urls": urls}), defaults), path, part);
    };
    refused(
        json!("reports|lists"),
        defaults(),
        URLS,
        "name some of reports, entries",
    );
    refused(
        json!("reports|reports"),
        defaults(),
        &format!("{URLS}.reports"),
        "two entries",
    );
    refused(
        json!("contacts"),
        json!({}),
        URLS,
        "GET /elements/KEY/configuration",
    );
    refused(json!("||"), defaults(), URLS, "names no resource");
    refused(json!({"a": 1}), defaults(), URLS, "is an object");
}

#[test]
fn a_hub_has_no_default_entries() {
    let keys = json!({
        "event.poller.urls": "reports", "base.url": "https://hub.example.com", "hub.authorization": "User a"
    });
    problem(instead(keys, defaults()), URLS, "GET /elements/KEY/configuration");
}

#[test]
fn lines_of_fields() {
    let urls = "accounts|/hubs/crm/accounts?where=LastModifiedDate>=${date}|//Id|LastModifiedDate|yyyy-MM-dd'T'HH:mm:ssZ|PST|\
                CreatedDate|yyyy-MM-dd|GMT\n contacts | /hubs/crm/contacts?at=${date:yyyy|MM} | user/id ||||CreatedDate|milliseconds\nx|/x|$.id";
    let reading = instead(json!({"event.poller.urls": urls}), json!({}));
    assert_eq!(reading.warnings, []);
    let settings = settings(reading);
    let [accounts, contacts, x] = &settings.resources[..] else {
        panic!()
    };
    assert_eq!(
        (accounts.name.as_str(), accounts.id_field.to_string().as_str()),
        ("accounts", "Id")
    );
    let dates = [accounts.updated.as_ref(), accounts.created.as_ref()]
        .map(|date| date.unwrap().pattern().to_string());
    assert_eq!(dates, ["yyyy-MM-dd'T'HH:mm:ssZ", "yyyy-MM-dd"]);
    assert_eq!(
        (contacts.name.as_str(), contacts.id_field.to_string().as_str()),
        ("contacts", "user.id")
    );
    assert_eq!(contacts.url.as_str(), "/hubs/crm/contacts?at=${date:yyyy|MM}");
    assert!(contacts.updated.is_none() && contacts.created.is_some());
    assert_eq!((x.name.as_str(), x.updated.is_none()), ("x", true));

    let refused = |urls: &str, path: &str, part: &str| {
        problem(
            instead(json!({"event.poller.urls": urls}), json!({})),
            &format!("{URLS}{path}"),
            part,
        );
    };
    let reading = instead(
        json!({"event.poller.urls": "a|/a?where=x>'${date}'||at|yyyy"}),
        json!({}),
    );
    warning(&reading, &format!("{URLS}.a.idField"), "named by its field id");
    refused(
        "a|/a|id|at",
        ".a.datesConfiguration.updatedDateFormat",
        "is missing",
    );
    refused("a|/a|1|2|3|4|5|6|7|8", ".a", "10 fields, where nine are the most");
    refused("|/a|id", r#"[""]"#, "no name");
}

#[test]
fn objects_name_templates_or_default_entries() {
    let template = json!({"{objectName}": {"url": "/hubs/db/{objectName}?x=1", "idField": "id"}});
    let with = |objects: Value| {
        instead(
            json!({"event.objects": objects, "event.poller.configuration": template}),
            json!({}),
        )
    };
    let reading = with(json!("Contact, Account"));
    warning(
        &reading,
        &format!("{POLLER}[\"{{objectName}}\"]"),
        "once for each object",
    );
    let read = settings(reading).resources;
    let read: Vec<_> = read
        .iter()
        .map(|entry| (entry.name.as_str(), entry.url.as_str()))
        .collect();
    assert_eq!(
        read,
        [
            ("Contact", "/hubs/db/Contact?x=1"),
            ("Account", "/hubs/db/Account?x=1")
        ]
    );
    problem(
        with(json!("")),
        &format!("{POLLER}[\"{{objectName}}\"]"),
        "nothing names the objects",
    );
    let many: Vec<_> = (0..501).map(|number| number.to_string()).collect();
    for (objects, part) in [
        (json!(many), "501 objects"),
        (json!("x".repeat(201)), "an object of more than 200"),
    ] {
        problem(with(objects), &format!("{POLLER}[\"{{objectName}}\"]"), part);
    }
    problem(
        with(json!("A,A")),
        &format!("{POLLER}[\"{{objectName}}\"]"),
        "two entries",
    );

    let reading = instead(json!({"event.objects": "entries"}), defaults());
    warning(&reading, OBJECTS, "read as the names of resources");
    assert_eq!(names(reading), ["entries"]);
    problem(
        instead(
            json!({"event.objects": "Account", "event.metadata": "{}"}),
            defaults(),
        ),
        POLLER,
        "event.objects names objects, not how to poll them",
    );
}

#[test]
fn without_anything_the_elements_default_is_polled() {
    for keys in [
        json!({}),
        json!({"event.poller.configuration": ""}),
        json!({"event.poller.configuration": {}}),
        json!({"event.poller.configuration": "{}"}),
        json!({"event.poller.configuration": null, "event.poller.urls": " "}),
    ] {
        let reading = instead(keys, defaults());
        warning(
            &reading,
            POLLER,
            "the element's default is polled, which is reports",
        );
        assert_eq!(names(reading), ["reports"]);
    }
}

#[test]
fn entries_take_what_they_lack_from_the_default() {
    let read = |entries: Value| {
        read_with_defaults(
            {
                let mut spec = sample();
                spec["configuration"]["event.poller.configuration"] = entries;
                spec
            },
            &credentials(),
            defaults(),
        )
    };
    let at = format!("{POLLER}.reports");
    for entry in [
        json!({}),
        json!(true),
        json!({"url": "", "datesConfiguration": {}}),
    ] {
        let reading = read(json!({"reports": entry}));
        warning(
            &reading,
            &at,
            "takes idField, url, datesConfiguration from the element's default entry",
        );
        assert!(settings(reading).resources[0].updated.is_some());
    }
    let reading = read(json!({"entries": {"pageSize": 7}}));
    warning(&reading, &format!("{POLLER}.entries"), "takes idField, url from");
    assert_eq!(settings(reading).resources[0].page_size, Some(7));
    // Who writes a url means it, with whatever dates he writes or leaves out.
    let reading = read(json!({"reports": {"url": "/mine", "idField": " "}}));
    warning(&reading, &at, "takes idField from");
    let own = &settings(reading).resources[0];
    assert_eq!((own.url.as_str(), own.updated.is_none()), ("/mine", true));

    problem(read(json!({"lists": {}})), &format!("{POLLER}.lists"), "is empty");
    for neither in [json!(null), json!(false)] {
        problem(
            read(json!({"reports": neither})),
            &at,
            "neither says how to poll nor not to",
        );
    }
}
