//! Grants, and how Secrets are merged.

use super::*;
use crate::config::CredType;

#[test]
fn grants() {
    let client = [("oauth.api.secret", "s")];
    let with = |extra: &[(&str, &str)], code: Option<&str>| {
        let mut spec = sample();
        spec["providerData"] = json!({"code": code});
        read_json(spec, &secrets(&[&client, extra].concat()))
    };
    let grant = |extra: &[(&str, &str)], code| oauth(&settings(with(extra, code))).grant.clone();
    let password = [("oauth.username", "uuid"), ("oauth.password", "p ")];
    assert!(matches!(
        grant(&[("oauth.user.refresh_token", "t")], Some("c")),
        Grant::RefreshToken(_)
    ));
    let Grant::AuthorizationCode { code, redirect_uri } = grant(&password, Some(" c ")) else {
        panic!()
    };
    assert_eq!(
        (code.expose_secret(), redirect_uri.as_str()),
        ("c", "https://httpbin.org/get")
    );
    let Grant::Password {
        username,
        password,
        credtype,
    } = grant(&password, None)
    else {
        panic!()
    };
    assert_eq!(
        (username.as_str(), password.expose_secret(), credtype),
        ("uuid", "p ", CredType::AuthToken)
    );
    let key = |key: &str| format!("spec.configuration[{key:?}]");
    problem(
        with(&[], None),
        &key("oauth.user.refresh_token"),
        "spec.providerData.code with oauth.callback.url",
    );
    problem(
        with(&[("oauth.username", "u")], None),
        &key("oauth.password"),
        "beside oauth.username",
    );
    problem(
        with(&[("oauth.password", "u")], None),
        &key("oauth.username"),
        "beside oauth.password",
    );
}

#[test]
fn the_configuration_wins_over_secrets_unless_it_is_blank() {
    let spec = |key: &str, value: &str| {
        let mut spec = sample();
        spec["configuration"][key] = json!(value);
        spec
    };
    let path = r#"spec.configuration["oauth.api.secret"]"#;
    let good = [("oauth.api.secret", "new"), ("oauth.user.refresh_token", "t")];
    let reading = read_json(spec("oauth.api.secret", "inline"), &secrets(&good));
    warning(&reading, path, "remove one of the two");
    assert_eq!(oauth(&settings(reading)).client_secret.expose_secret(), "inline");
    for blank in ["", "  ", "********"] {
        let reading = read_json(spec("oauth.api.secret", blank), &secrets(&good));
        assert_eq!(oauth(&settings(reading)).client_secret.expose_secret(), "new");
    }

    let mut two = secrets(&good);
    two.values.push((
        "later".into(),
        [("oauth.api.secret".to_owned(), bytes("newest"))].into(),
    ));
    assert_eq!(
        oauth(&settings(read_json(sample(), &two)))
            .client_secret
            .expose_secret(),
        "newest"
    );

    let bad = secrets(&[&good[..], &[("event.notification.enabled", "perhaps")]].concat());
    let path = r#"secret/concur-credentials["event.notification.enabled"]"#;
    problem(read_json(sample(), &bad), path, "neither true nor false");

    let odd = secrets(&[&good[..], &[("oauth.user.refreshtoken", "x")]].concat());
    warning(
        &read_json(sample(), &odd),
        r#"secret/concur-credentials["oauth.user.refreshtoken"]"#,
        "did you mean oauth.user.refresh_token?",
    );

    let mut binary = secrets(&good);
    for key in ["oauth.user.refresh_token", "ca.crt"] {
        binary.values[0].1.insert(key.into(), bytes(b"\xff\xfe"));
    }
    problem(
        read_json(sample(), &binary),
        r#"secret/concur-credentials["oauth.user.refresh_token"]"#,
        "not UTF-8",
    );

    let poller = secrets(&[&good[..], &[("event.poller.configuration", "{\"a\": 1}")]].concat());
    problem(
        read_json(spec("event.poller.configuration", ""), &poller),
        r#"secret/concur-credentials["event.poller.configuration"].a"#,
        "a number",
    );
}

#[test]
fn a_missing_secret_is_the_only_problem() {
    let path = "spec.configurationFrom[0].secretRef.name";
    problem(
        read_json(sample(), &Secrets::default()),
        path,
        "there is no Secret \"concur-credentials\"",
    );
    let mut spec = sample();
    spec["configurationFrom"][0]["secretRef"]["optional"] = json!(true);
    assert_eq!(problems(read_json(spec, &Secrets::default())).len(), 2);
}

#[test]
fn a_name_that_no_secret_can_have_is_told() {
    for name in [
        "../../other/secrets/theirs",
        "..",
        "a/status",
        "a?x",
        "A",
        "a b",
        "-a",
        "a-",
        "a..b",
        "a%2fb",
        &"a".repeat(254),
    ] {
        for optional in [true, false] {
            let mut spec = sample();
            spec["configurationFrom"][0]["secretRef"] = json!({"name": name, "optional": optional});
            let found = problems(read_json(spec, &Secrets::default()));
            assert!(
                found
                    .iter()
                    .any(|problem| problem.contains("which no Secret can be called")),
                "{name}: {found:?}"
            );
        }
    }
}

#[test]
fn masked_secrets_are_no_secrets() {
    let mut spec = sample();
    spec["configuration"]["oauth.api.secret"] = json!("********");
    let good = secrets(&[("oauth.user.refresh_token", "t")]);
    problem(
        read_json(spec, &good),
        r#"spec.configuration["oauth.api.secret"]"#,
        "the mask that exports",
    );
}

/// Element, base.url, hub.authorization; what becomes of them.
#[test]
fn sources() {
    let hub = Some("https://api.example.com/elements/api-v2");
    let user = Some("User a, Organization b, Element c");
    type Case<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Result<bool, &'a str>);
    let table: &[Case<'_>] = &[
        ("concur", None, None, Ok(false)),
        (" ", hub, user, Err("is empty")),
        ("concur", hub, None, Ok(false)),
        ("concur", hub, user, Ok(true)),
        ("concur", None, user, Err("is missing beside hub.authorization")),
        ("netsuiteerpv2", hub, user, Ok(true)),
        ("netsuiteerpv2", hub, None, Ok(true)),
        (
            "netsuiteerpv2",
            Some("ftp://x"),
            user,
            Err("neither http nor https"),
        ),
        (
            "netsuiteerpv2",
            None,
            user,
            Err("is not built in, and no base.url is set"),
        ),
        (
            "netsuiteerpv2",
            None,
            None,
            Err("is not built in, and no base.url is set"),
        ),
        (
            "netsuiteerpv2",
            hub,
            Some("two\nlines"),
            Err("cannot stand in a header"),
        ),
    ];
    for (element, base_url, authorization, expected) in table {
        let mut spec = sample();
        spec["element"]["key"] = json!(element);
        if let Some(url) = base_url {
            spec["configuration"]["base.url"] = json!(url);
        }
        let mut given = vec![
            ("oauth.api.secret", "s3cr3t"),
            ("oauth.user.refresh_token", "t0k3n"),
        ];
        given.extend(authorization.map(|value| ("hub.authorization", value)));
        let reading = read_json(spec, &secrets(&given));
        match (reading.settings, expected) {
            (Ok(settings), Ok(through_hub)) => assert_eq!(settings.through_hub, *through_hub, "{element}"),
            (Err(problems), Err(message)) => {
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert!(
                    problems[0].message.contains(message),
                    "{element}: {}",
                    problems[0]
                );
            }
            (result, _) => panic!("{element} {base_url:?} {authorization:?}: {result:?}"),
        }
    }
}

#[test]
fn a_secret_fills_what_an_export_leaves_open() {
    let given = [
        ("oauth.api.secret", "s"),
        ("oauth.user.refresh_token", "t"),
        (
            "event.notification.callback.url",
            "https://hooks.example.com/secret",
        ),
    ];
    let mut spec = sample();
    spec["configuration"]["event.notification.callback.url"] = json!("false");
    let reading = read_json(spec, &secrets(&given));
    assert_eq!(settings(reading).callback.url.path(), "/secret");
}

/// A vendor whose definition names a configuration key of its own.
#[test]
fn a_key_of_the_element_is_known_and_secret() {
    let helpdesk = CatalogueEntry {
        key: "helpdesk".to_owned(),
        id: None,
        authentication: AuthenticationKind::Header {
            configuration_key: "helpdesk.key".to_owned(),
        },
        polled_by_default: Vec::new(),
        poller: serde_json::Map::new(),
    };
    let catalogue = [helpdesk].into_iter().collect();
    let path = r#"spec.configuration["helpdesk.key"]"#;
    for (inline, secret, expected) in [
        (None, Some("k"), Ok(None)),
        (Some("k"), None, Ok(Some("clear text"))),
        (Some("********"), Some("k"), Ok(None)),
        (Some("********"), None, Err("is the mask")),
        (None, None, Err("is missing")),
    ] {
        let mut spec = sample();
        spec["element"]["key"] = json!("helpdesk");
        if let Some(value) = inline {
            spec["configuration"]["helpdesk.key"] = json!(value);
        }
        let given: Vec<_> = secret.iter().map(|value| ("helpdesk.key", *value)).collect();
        let spec = serde_json::from_value(spec).unwrap();
        let reading = read("helpdesk", &spec, &secrets(&given), &catalogue);
        let about: Vec<_> = reading
            .warnings
            .iter()
            .filter(|warning| warning.path.contains("helpdesk.key"))
            .collect();
        match (reading.settings, expected) {
            (Ok(settings), Ok(words)) => {
                let Credentials::Header(Some(value)) = settings.credentials else {
                    panic!("no header")
                };
                assert_eq!(value.expose_secret(), "k");
                assert_eq!(about.len(), usize::from(words.is_some()), "{about:?}");
                assert!(
                    about
                        .iter()
                        .all(|warning| warning.message.contains(words.unwrap()))
                );
            }
            (Err(problems), Err(words)) => {
                assert!(
                    problems
                        .iter()
                        .any(|problem| problem.path == path && problem.message.contains(words)),
                    "{problems:?}"
                );
            }
            (result, _) => panic!("{inline:?} {secret:?}: {result:?}"),
        }
    }
}
