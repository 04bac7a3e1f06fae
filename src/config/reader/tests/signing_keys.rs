//! The keys of Standard Webhooks signatures, by Secret reference.

use super::*;
use crate::config::{KeyMaterial, WebhookKey};

const KEY: &str = "event.notification.signature.key";
const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const PLAIN: &str = "a plain key of 25 letters";
const ENCODED: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// The sample with a reference to each of these keys of the Secret `signing`.
fn with_keys(signature_key: Option<&str>, keys: &[(&str, &[u8])]) -> Reading {
    let mut spec = sample();
    if let Some(key) = signature_key {
        spec["configuration"][KEY] = key.into();
    }
    let references = keys
        .iter()
        .map(|(key, _)| json!({"secretKeyRef": {"name": "signing", "key": key}}));
    spec["delivery"]["signingKeys"] = references.collect();
    let values = keys.iter().map(|(key, value)| ((*key).to_owned(), bytes(value)));
    let mut secrets = credentials();
    secrets.delivery.insert("signing".to_owned(), values.collect());
    read_json(spec, &secrets)
}

fn kinds(reading: Reading) -> Vec<&'static str> {
    let keys = settings(reading).callback.signing_keys;
    let kind = |key: &WebhookKey| match key.material() {
        KeyMaterial::Symmetric(_) => "v1",
        KeyMaterial::Private(_) => "v1a",
        KeyMaterial::Public(_) => panic!("a public key signs"),
    };
    keys.iter().map(kind).collect()
}

fn warned(reading: &Reading, path: &str, part: &str) -> bool {
    let mut warnings = reading.warnings.iter();
    warnings.any(|warning| warning.path == path && warning.message.contains(part))
}

#[test]
fn in_order_and_each_once() {
    let none = with_keys(None, &[]);
    assert_eq!(kinds(none), [] as [&str; 0]);
    assert_eq!(kinds(with_keys(Some("k"), &[])), ["v1"]);
    let several: &[(&str, &[u8])] = &[("ed", PRIVATE.as_bytes()), ("plain", PLAIN.as_bytes())];
    assert_eq!(kinds(with_keys(None, several)), ["v1a", "v1"]);
    let reading = with_keys(Some(ENCODED), several);
    assert_eq!(reading.warnings.len(), 1, "{:?}", reading.warnings);
    let keys = settings(reading).callback.signing_keys;
    let expected = [ENCODED, PRIVATE, PLAIN].map(|text| WebhookKey::parse(text.as_bytes()).unwrap());
    assert_eq!(keys.len(), 3);
    assert!(
        keys.iter()
            .zip(&expected)
            .all(|(key, expected)| key.is_same(expected))
    );

    // As when the new key takes the place of the old one.
    let promoted = with_keys(Some(PLAIN), several);
    let path = "spec.delivery.signingKeys[1].secretKeyRef";
    assert!(
        warned(&promoted, path, "is the same key as spec.configuration"),
        "{:?}",
        promoted.warnings
    );
    assert_eq!(kinds(promoted), ["v1", "v1a"]);

    let from_a_file = with_keys(None, &[("k", format!("{ENCODED}\n").as_bytes())]);
    assert!(warned(&from_a_file, r#"secret/signing["k"]"#, "line break"));
    assert_eq!(kinds(from_a_file), ["v1"]);
}

/// Every problem names where and what to do, and never the value.
#[test]
fn what_is_no_key() {
    let mismatched = format!("{}AA==", &PRIVATE[..PRIVATE.len() - 1]);
    for (value, part) in [
        (&b""[..], "is empty; write the key"),
        (b"\n", "is nothing but a line break; write the key"),
        (
            b"whsec_not base64",
            "begins with whsec_, but what follows is not base64;",
        ),
        (b"whsec_", "is nothing but the prefix whsec_;"),
        (
            b"whsec_c2VjcmV0",
            "is too short: 6 bytes, where 24 are the least; write whsec_",
        ),
        (b"a plain key of 23 chars", "is too short: 23 bytes"),
        (b"********", "is too short: 8 bytes"),
        (b"whsk_AAAA", "32 or 64 bytes, not of 3;"),
        (mismatched.as_bytes(), "is not base64;"),
        (
            PUBLIC.as_bytes(),
            "is a public key, which cannot sign; write the private key",
        ),
    ] {
        let found = problems(with_keys(None, &[("k", value)]));
        let [problem] = &found[..] else {
            panic!("{found:?}")
        };
        assert!(problem.starts_with(r#"secret/signing["k"]: "#), "{problem}");
        assert!(problem.contains(part), "{problem}");
        let shown = String::from_utf8_lossy(value);
        assert!(value.len() < 7 || !problem.contains(&*shown), "{problem}");
    }
    let many = [("k", PLAIN.as_bytes()); 11];
    let found = problems(with_keys(None, &many));
    assert!(
        found[0].starts_with("spec.delivery.signingKeys: has 11 keys; remove"),
        "{found:?}"
    );
}

#[test]
fn what_is_not_there() {
    let reference = json!([{"secretKeyRef": {"name": "signing", "key": "k"}}]);
    let missing = changed(|spec| spec["delivery"]["signingKeys"] = reference.clone());
    assert_eq!(
        problems(missing),
        [
            "spec.delivery.signingKeys[0].secretKeyRef: there is no Secret \"signing\"; \
          create it in the instance's namespace, or remove the entry"
        ]
    );
    let mut spec = sample();
    spec["delivery"]["signingKeys"] = reference;
    let mut secrets = credentials();
    secrets
        .delivery
        .insert("signing".to_owned(), [("other".to_owned(), bytes(PLAIN))].into());
    assert_eq!(
        problems(read_json(spec, &secrets)),
        [
            "spec.delivery.signingKeys[0].secretKeyRef.key: Secret \"signing\" has no key \"k\"; \
          add it to the Secret, or name one that is there"
        ]
    );
}

/// Keys of Cloud Elements are any bytes; what would let others sign is refused all the same.
#[test]
fn the_signature_key() {
    let path = format!("spec.configuration[{KEY:?}]");
    for (key, part) in [
        (PRIVATE, "in spec.delivery.signingKeys"),
        (PUBLIC, "anybody could sign"),
    ] {
        let found = problems(with_keys(Some(key), &[]));
        assert!(
            found
                .iter()
                .any(|said| said.starts_with(&path) && said.contains(part)),
            "{found:?}"
        );
        assert!(found.iter().all(|said| !said.contains(&key[5..])), "{found:?}");
    }
    for key in ["whsec_not base64!", "whsk_AAAA", "whpk_AAAA", "whsec_"] {
        let reading = with_keys(Some(key), &[]);
        assert!(
            warned(&reading, &path, "it signs as it is written"),
            "{:?}",
            reading.warnings
        );
        let keys = settings(reading).callback.signing_keys;
        assert!(keys[0].is_same(&WebhookKey::plain(key.as_bytes())));
    }
}

#[test]
fn the_format_and_the_most_events() {
    let plain = settings(read_json(sample(), &credentials()));
    assert_eq!((plain.format, plain.max_events), (DeliveryFormat::Elements, 10));
    let set = settings(changed(|spec| {
        spec["delivery"] = json!({"format": "CloudEvents", "maxEvents": 1});
    }));
    assert_eq!((set.format, set.max_events), (DeliveryFormat::CloudEvents, 1));
    for number in [0, -1, 11] {
        let found = problems(changed(|spec| spec["delivery"]["maxEvents"] = number.into()));
        assert_eq!(
            found,
            [format!(
                "spec.delivery.maxEvents: is {number}; write a number from 1 to 10"
            )]
        );
    }
}
