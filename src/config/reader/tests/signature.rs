//! The key that signs notifications: any bytes, none of them lost in silence.

use super::*;

const KEY: &str = "event.notification.signature.key";
const IN_SECRET: &str = r#"secret/concur-credentials["event.notification.signature.key"]"#;
const INLINE: &str = r#"spec.configuration["event.notification.signature.key"]"#;

fn in_secret(value: &[u8]) -> Reading {
    let mut all = credentials();
    all.values[0].1.insert(KEY.into(), bytes(value));
    read_json(sample(), &all)
}

fn key_of(reading: Reading) -> Option<Vec<u8>> {
    let key = settings(reading).callback.signature_key;
    key.map(|key| key.expose_secret().to_vec())
}

#[test]
fn in_a_secret() {
    let long = vec![b'k'; 100_000];
    let line_break = Some("ends with a line break");
    let blank = Some("nothing but white space");
    for (value, key, warned) in [
        (&b"key"[..], Some(&b"key"[..]), None),
        (b"", None, None),
        (b"  key\t", Some(b"  key\t"), None),
        (b"key\n", Some(b"key"), line_break),
        (b"key\r\n", Some(b"key"), line_break),
        (b"key\n\n", Some(b"key\n"), line_break),
        (b"   ", Some(b"   "), blank),
        (b"  \n", Some(b"  "), blank),
        (b"\xff\xfe\0\n", Some(b"\xff\xfe\0\n"), None),
        (&[0; 64], Some(&[0; 64]), None),
        (&long, Some(&long), None),
    ] {
        let reading = in_secret(value);
        let warnings: Vec<_> = reading.warnings.iter().map(ToString::to_string).collect();
        let about_it: Vec<_> = warnings
            .iter()
            .filter(|said| said.starts_with(IN_SECRET))
            .collect();
        match warned {
            Some(part) => assert!(about_it.iter().any(|said| said.contains(part)), "{warnings:?}"),
            None => assert!(about_it.is_empty(), "{warnings:?}"),
        }
        assert_eq!(key_of(reading).as_deref(), key);
    }
}

#[test]
fn inline() {
    for (value, key) in [
        (json!("k "), Some("k ")),
        (json!(""), None),
        (json!(null), None),
        (json!("  "), Some("  ")),
        (json!(1234), Some("1234")),
        (json!(-1), Some("-1")),
    ] {
        assert_eq!(key_of(with_key(KEY, value)).as_deref(), key.map(str::as_bytes));
    }
    let warnings = with_key(KEY, json!("k\n")).warnings;
    assert!(
        warnings
            .iter()
            .any(|warning| warning.path == INLINE && warning.message.contains("line break"))
    );
    for (value, part) in [
        (json!(1.5), "is a number"),
        (json!(true), "is a bool"),
        (json!({"a": 1}), "is an object"),
        (json!("\n"), "nothing but a line break"),
        (json!("********"), "the mask that exports"),
    ] {
        key_problem(KEY, value, part);
    }
    problem(in_secret(b"\r\n"), IN_SECRET, "nothing but a line break");
}

/// Blanks may be the key; only what is surely no key leaves the Secret's in place.
#[test]
fn inline_over_a_secret() {
    let mut all = credentials();
    all.values[0].1.insert(KEY.into(), bytes("from the Secret"));
    for (value, key) in [
        (json!(""), "from the Secret"),
        (json!(null), "from the Secret"),
        (json!("********"), "from the Secret"),
        (json!("  "), "  "),
        (json!("inline"), "inline"),
    ] {
        let mut spec = sample();
        spec["configuration"][KEY] = value;
        assert_eq!(key_of(read_json(spec, &all)).unwrap(), key.as_bytes());
    }
}
