use clap::Parser;

use super::*;
use crate::deliver::{elements_signature, standard_signature};

const KEY: &str = "MySecretEventSignatureKey";
const BODY: &str = "<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>";
const SIGNATURE: &str = "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=";
const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const ENCODED: &str = "whsec_TXlTZWNyZXRFdmVudFNpZ25hdHVyZUtleQ==";
const AT: i64 = 1_795_435_205;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: VerifyArgs,
}

struct Said {
    valid: bool,
    stdout: String,
    stderr: String,
}

/// With the clock at [`AT`].
fn said(arguments: &[&str], body: &str) -> Said {
    let cli = Cli::try_parse_from([&["verify"], arguments].concat()).unwrap();
    let now = cli.args.at.unwrap_or(Timestamp::from_second(AT).unwrap());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let valid = verify(&cli.args, body.as_bytes(), now, &mut stdout, &mut stderr).unwrap();
    Said {
        valid,
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

#[test]
fn elements_signatures() {
    let line_end = format!("{BODY}\n");
    let header = format!("Elements-Webhook-Signature: {SIGNATURE}");
    for (signature, body, valid, message) in [
        (
            SIGNATURE,
            BODY,
            true,
            "signature is valid: a body that is neither",
        ),
        (&header, BODY, true, "signature is valid: "),
        (
            SIGNATURE,
            "other",
            false,
            "signature does not match: the body was changed, or signed with another key\n",
        ),
        (SIGNATURE, &line_end, false, "the body ends with a line end"),
        (SIGNATURE, "", false, "is empty\n"),
        (&SIGNATURE[7..], BODY, false, "should begin with sha256=\n"),
    ] {
        let text = said(&["--key", KEY, "--signature", signature], body);
        assert_eq!(
            (text.valid, text.stdout.as_str()),
            (valid, ""),
            "{signature} {body}"
        );
        assert!(text.stderr.contains(message), "{}", text.stderr);
        let json = said(
            &["--key", KEY, "--signature", signature, "--output", "json"],
            body,
        );
        let told: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!((json.valid, json.stderr.as_str()), (valid, ""));
        assert_eq!(told["valid"], valid);
    }
}

/// What a sender with these keys says, checked with those keys at a time.
#[test]
fn standard_signatures() {
    let keys = |texts: &[&str]| -> Vec<crate::config::WebhookKey> {
        let parse = |text: &&str| crate::config::WebhookKey::parse(text.as_bytes()).unwrap();
        texts.iter().map(parse).collect()
    };
    let (both, at) = ([KEY, PRIVATE], "2026-11-23T12:00:05Z");
    for (signers, given, at, valid, message) in [
        (&both[..], &[KEY][..], at, true, "signature is valid"),
        (&both, &[ENCODED], at, true, "signature is valid"),
        (&both, &[PUBLIC], at, true, "signature is valid"),
        (&both, &[PRIVATE], at, true, "signature is valid"),
        (&both, &["old key", PUBLIC], at, true, "signature is valid"),
        (
            &both,
            &["another"],
            at,
            false,
            "was changed, or signed with another key",
        ),
        (&[PRIVATE], &[KEY], at, false, "give its public key, whpk_"),
        (&[KEY], &[PUBLIC], at, false, "give the secret key"),
        (&both, &[KEY], "2026-11-23T12:05:05Z", true, "signature is valid"),
        (
            &both,
            &[KEY],
            "2026-11-23T12:05:06Z",
            false,
            "is 301 s old, where --tolerance is 300 s",
        ),
        (&both, &[KEY], "2026-11-23T11:55:04Z", false, "is 301 s ahead"),
        (
            &both,
            &["another"],
            "2027-01-01T00:00:00Z",
            false,
            "does not match",
        ),
    ] {
        let header = standard_signature(&keys(signers), "msg_1", AT, BODY.as_bytes()).unwrap();
        let timestamp = format!("webhook-timestamp: {AT}");
        let mut arguments = vec!["--webhook-id", "msg_1", "--webhook-timestamp", &timestamp];
        arguments.extend(["--webhook-signature", &header, "--at", at]);
        arguments.extend(given.iter().flat_map(|key| ["--key", key]));
        let said = said(&arguments, BODY);
        assert_eq!(said.valid, valid, "{given:?} {at}: {}", said.stderr);
        assert!(said.stderr.contains(message), "{given:?} {at}: {}", said.stderr);
    }
    let said = |timestamp, signature, more: &[&str]| {
        let arguments = [
            "--key",
            KEY,
            "--webhook-id",
            "msg_1",
            "--webhook-timestamp",
            timestamp,
        ];
        said(
            &[&arguments, &["--webhook-signature", signature][..], more].concat(),
            BODY,
        )
    };
    assert!(
        said("soon", "v1,AAAA", &[])
            .stderr
            .contains("no whole number of seconds")
    );
    assert!(
        said("1795435205", "sha256=AAAA", &[])
            .stderr
            .contains("should have signatures")
    );
    let header = standard_signature(&keys(&[KEY]), "msg_1", AT, BODY.as_bytes()).unwrap();
    let at = AT.to_string();
    let early = ["--at", "2026-11-24T12:00:05Z", "--tolerance"];
    assert!(said(&at, &header, &[&early[..], &["24h"]].concat()).valid);
    assert!(!said(&at, &header, &[&early[..], &["23h59m59s"]].concat()).valid);
    // Both kinds at once: both must be right.
    assert!(said(&at, &header, &["--signature", SIGNATURE]).valid);
    assert!(!said(&at, &header, &["--signature", "sha256=AAAA"]).valid);
    assert!(!said(&at, "v1,AAAA", &["--signature", SIGNATURE]).valid);
}

/// Anybody knows the public key, so that it must never pass for the key of an HMAC.
#[test]
fn a_public_key_is_no_secret() {
    let forged = elements_signature(PUBLIC.as_bytes(), BODY.as_bytes());
    let said = said(&["--key", PUBLIC, "--signature", &forged], BODY);
    assert!(
        !said.valid && said.stderr.contains("never made with an Ed25519 key"),
        "{}",
        said.stderr
    );
}

#[test]
fn bodies() {
    for (body, expected, json) in [
        (
            r#"{"message":{"events":[{}]}}"#,
            "a Cloud Elements notification of one event\n",
            r#"{"valid":true,"format":"Elements","events":1}"#,
        ),
        (
            r#"{"message":{"events":[{},{}]}}"#,
            "a Cloud Elements notification of 2 events\n",
            r#"{"valid":true,"format":"Elements","events":2}"#,
        ),
        (
            r#"{"specversion":"1.0"}"#,
            "one CloudEvent\n",
            r#"{"valid":true,"format":"CloudEvents","events":1}"#,
        ),
        (
            r#"[{"specversion":"1.0"},{"specversion":"1.0"}]"#,
            "a batch of 2 CloudEvents\n",
            r#"{"valid":true,"format":"CloudEvents","events":2}"#,
        ),
        (
            r#"[{"specversion":"1.0"},{}]"#,
            "neither a notification",
            r#"{"valid":true,"format":null,"events":null}"#,
        ),
        (
            "[]",
            "neither a notification",
            r#"{"valid":true,"format":null,"events":null}"#,
        ),
        (
            "text",
            "neither a notification",
            r#"{"valid":true,"format":null,"events":null}"#,
        ),
    ] {
        let signature = elements_signature(KEY.as_bytes(), body.as_bytes());
        let text = said(&["--key", KEY, "--signature", &signature], body);
        assert!(
            text.valid && text.stderr.contains(expected),
            "{body}: {}",
            text.stderr
        );
        let told = said(
            &["--key", KEY, "--signature", &signature, "--output", "json"],
            body,
        );
        assert_eq!(told.stdout, format!("{json}\n"));
    }
}

#[test]
fn arguments() {
    let cli = Cli::try_parse_from(["verify", "--key", KEY, "--signature", SIGNATURE]).unwrap();
    assert_eq!(cli.args.output, VerifyOutput::Text);
    assert!(!format!("{:?}", cli.args).contains(KEY));
    let standard = [
        "--webhook-id",
        "x",
        "--webhook-timestamp",
        "1",
        "--webhook-signature",
        "v1,x",
    ];
    for arguments in [
        vec!["--key", "", "--signature", SIGNATURE],
        vec!["--key", KEY],
        vec!["--signature", SIGNATURE],
        vec!["--key", KEY, "--key-file", "key", "--signature", SIGNATURE],
        vec!["--key", KEY, "--signature", SIGNATURE, "--output", "yaml"],
        [&["--key", KEY], &standard[..4]].concat(),
        [&["--key", KEY], &standard[2..]].concat(),
        [&["--key", KEY], &standard[..2], &standard[4..]].concat(),
        [&["--key", KEY, "--signature", SIGNATURE], &standard[..2]].concat(),
        [&["--key", KEY, "--tolerance", "soon"], &standard[..]].concat(),
        [&["--key", KEY, "--at", "soon"], &standard[..]].concat(),
    ] {
        let parsed = Cli::try_parse_from([&["verify"], &arguments[..]].concat());
        assert!(parsed.is_err(), "{arguments:?}");
    }
    assert!(Cli::try_parse_from([&["verify", "--key", KEY, "--key", "b"], &standard[..]].concat()).is_ok());
}

#[test]
fn keys_of_any_bytes_from_files() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let check = |content: &[u8], key: &[u8]| {
        std::fs::write(file.path(), content).unwrap();
        let signature = elements_signature(key, BODY.as_bytes());
        let cli = Cli::try_parse_from(["verify", "--key-file", path, "--signature", &signature]).unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let valid = verify(
            &cli.args,
            BODY.as_bytes(),
            Timestamp::UNIX_EPOCH,
            &mut stdout,
            &mut stderr,
        );
        (valid, String::from_utf8(stderr).unwrap())
    };
    let line_break = "warning: the key ends with a line break";
    let written =
        "warning: the key begins with whsec_, but what follows is not base64; it is taken as it is written";
    for (content, key, warning) in [
        (&b"key"[..], &b"key"[..], None),
        (b"key\n", b"key", Some(line_break)),
        (b"\xff\n", b"\xff\n", None),
        (b"  ", b"  ", None),
        // As Cloud Elements signed: with the text, whatever it looks like.
        (b"whsec_AAAA", b"whsec_AAAA", None),
        (b"whsec_!", b"whsec_!", Some(written)),
    ] {
        let (valid, said) = check(content, key);
        assert!(valid.unwrap(), "{said}");
        assert_eq!(said.contains("warning"), warning.is_some(), "{said}");
        assert!(said.contains(warning.unwrap_or_default()), "{said}");
    }
    assert!(matches!(check(b"", b"x").0, Err(VerifyError::NoKey)));
    assert!(matches!(check(b"\n", b"x").0, Err(VerifyError::Key(_))));
    std::fs::write(file.path(), KEY).unwrap();
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), "another").unwrap();
    let other = other.path().to_str().unwrap();
    assert!(
        said(
            &["--key-file", other, "--key-file", path, "--signature", SIGNATURE],
            BODY
        )
        .valid
    );
}

#[test]
fn a_key_file_that_is_not_there() {
    let cli =
        Cli::try_parse_from(["verify", "--key-file", "no/such/file", "--signature", SIGNATURE]).unwrap();
    let error = verify(
        &cli.args,
        BODY.as_bytes(),
        Timestamp::UNIX_EPOCH,
        Vec::new(),
        Vec::new(),
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "the key cannot be read from no/such/file");
}

#[test]
fn help_hides_the_environment() {
    let help = <Cli as clap::CommandFactory>::command()
        .render_long_help()
        .to_string();
    assert!(help.contains("[env: POLLINATOR_KEY]"), "{help}");
}
