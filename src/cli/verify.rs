//! `pollinator verify`: checks the signature of a received notification.

use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretSlice};

use crate::config::{OnlyLineBreak, signature_key};
use crate::deliver::verify_elements;

/// Check the signature of a notification that a callback has received.
///
/// Reads the body from standard input, byte for byte as it was received: a body that was parsed and printed again, or
/// got a line end at its end, does not match. Exit status: 0 the signature is valid, 1 it is not, 2 wrong usage.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "Example:\n  \
    POLLINATOR_KEY=secret pollinator verify --signature 'sha256=jHdbRx5E…=' < body.json")]
pub struct VerifyArgs {
    /// The instance's event.notification.signature.key.
    ///
    /// Better given as the environment variable or a file, since other users of the machine can see arguments.
    #[arg(
        long, env = "POLLINATOR_KEY", hide_env_values = true, value_name = "KEY", value_parser = key_parser(),
        required_unless_present = "key_file", conflicts_with = "key_file"
    )]
    pub key: Option<SecretSlice<u8>>,
    /// File with the key, for one that is no text; instead of --key and POLLINATOR_KEY.
    ///
    /// As in a Secret, the line break at the end of a text is not part of the key; nothing else is trimmed.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Value of the received header Elements-Webhook-Signature: sha256= and base64.
    #[arg(long, value_name = "HEADER")]
    pub signature: String,
    /// What is printed: a sentence on standard error, or {"valid": true} on standard output.
    #[arg(long, value_enum, default_value_t = VerifyOutput::Text, value_name = "FORMAT")]
    pub output: VerifyOutput,
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyOutput {
    /// A sentence on standard error.
    Text,
    /// One JSON document on standard output.
    Json,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file with the key cannot be read.
    #[error("the key cannot be read from {}", file.display())]
    KeyFile {
        /// Its path.
        file: PathBuf,
        /// Why.
        #[source]
        reason: io::Error,
    },
    /// There is no key.
    #[error("the key is empty; unsigned notifications have no signature to check")]
    NoKey,
    /// There is hardly a key.
    #[error("the key {0}; give the key itself")]
    Key(OnlyLineBreak),
    /// Standard input cannot be read.
    #[error("the body cannot be read from standard input")]
    Body(#[source] io::Error),
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Output(#[source] io::Error),
}

/// Checks the body on `stdin` and prints the result; exit status 0 valid, 1 not.
pub fn run(args: &VerifyArgs, stdin: impl Read) -> Result<ExitCode, VerifyError> {
    let valid = verify(args, stdin, io::stdout().lock(), io::stderr().lock())?;
    Ok(if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn verify(
    args: &VerifyArgs,
    mut stdin: impl Read,
    mut stdout: impl Write,
    mut stderr: impl Write,
) -> Result<bool, VerifyError> {
    let given = given_key(args)?;
    let (key, cut) = signature_key(given.expose_secret()).map_err(VerifyError::Key)?;
    if key.is_empty() {
        return Err(VerifyError::NoKey);
    }
    if cut {
        writeln!(
            stderr,
            "warning: the key ends with a line break, which is not part of it"
        )
        .map_err(VerifyError::Output)?;
    }
    let mut body = Vec::new();
    stdin.read_to_end(&mut body).map_err(VerifyError::Body)?;
    let valid = verify_elements(key, header_value(&args.signature), &body);
    match args.output {
        VerifyOutput::Json => writeln!(stdout, "{{\"valid\":{valid}}}"),
        VerifyOutput::Text if valid => writeln!(stderr, "signature is valid"),
        VerifyOutput::Text => writeln!(
            stderr,
            "signature does not match: {}",
            likely_cause(&args.signature, &body)
        ),
    }
    .map_err(VerifyError::Output)?;
    Ok(valid)
}

/// People paste the whole header line.
fn header_value(header: &str) -> &str {
    header.split_once(':').map_or(header, |(_, value)| value).trim()
}

fn likely_cause(header: &str, body: &[u8]) -> &'static str {
    if body.is_empty() {
        return "the body on standard input is empty";
    }
    if !header_value(header).starts_with("sha256=") {
        return "the signature should begin with sha256=";
    }
    if body.ends_with(b"\n") {
        return "the body ends with a line end, which notifications do not; \
                otherwise it was changed, or signed with another key";
    }
    "the body was changed, or signed with another key"
}

fn given_key(args: &VerifyArgs) -> Result<SecretSlice<u8>, VerifyError> {
    match &args.key_file {
        Some(file) => match std::fs::read(file) {
            Ok(bytes) => Ok(bytes.into()),
            Err(reason) => Err(VerifyError::KeyFile {
                file: file.clone(),
                reason,
            }),
        },
        None => Ok(args.key.clone().unwrap_or_default()),
    }
}

/// Any bytes the shell can pass, but some.
fn key_parser() -> impl TypedValueParser<Value = SecretSlice<u8>> {
    OsStringValueParser::new().try_map(|key| {
        if key.is_empty() {
            Err("the key is empty; unsigned notifications have no signature")
        } else {
            Ok(SecretSlice::from(key.into_vec()))
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const KEY: &str = "MySecretEventSignatureKey";
    const BODY: &str = "<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>";
    const SIGNATURE: &str = "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=";

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: VerifyArgs,
    }

    fn outcome(signature: &str, body: &str, output: VerifyOutput) -> (bool, String, String) {
        let args = VerifyArgs {
            key: Some(KEY.as_bytes().to_vec().into()),
            key_file: None,
            signature: signature.to_owned(),
            output,
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let valid = verify(&args, body.as_bytes(), &mut stdout, &mut stderr).unwrap();
        (
            valid,
            String::from_utf8(stdout).unwrap(),
            String::from_utf8(stderr).unwrap(),
        )
    }

    #[test]
    fn results() {
        let line_end = format!("{BODY}\n");
        let header = format!("Elements-Webhook-Signature: {SIGNATURE}");
        for (signature, body, valid, message) in [
            (SIGNATURE, BODY, true, "signature is valid\n"),
            (&header, BODY, true, "signature is valid\n"),
            (
                SIGNATURE,
                "other",
                false,
                "the body was changed, or signed with another key\n",
            ),
            (SIGNATURE, &line_end, false, "the body ends with a line end"),
            (SIGNATURE, "", false, "is empty\n"),
            (&SIGNATURE[7..], BODY, false, "should begin with sha256=\n"),
        ] {
            let (is_valid, stdout, stderr) = outcome(signature, body, VerifyOutput::Text);
            assert_eq!((is_valid, stdout.as_str()), (valid, ""), "{signature} {body}");
            assert!(stderr.contains(message), "{stderr}");
            let json = format!("{{\"valid\":{valid}}}\n");
            assert_eq!(
                outcome(signature, body, VerifyOutput::Json),
                (valid, json, String::new())
            );
        }
    }

    #[test]
    fn arguments() {
        let cli = Cli::try_parse_from(["verify", "--key", KEY, "--signature", SIGNATURE]).unwrap();
        assert_eq!(cli.args.output, VerifyOutput::Text);
        assert!(!format!("{:?}", cli.args).contains(KEY));
        for arguments in [
            vec!["verify", "--key", "", "--signature", SIGNATURE],
            vec!["verify", "--key", KEY],
            vec!["verify", "--signature", SIGNATURE],
            vec![
                "verify",
                "--key",
                KEY,
                "--key-file",
                "key",
                "--signature",
                SIGNATURE,
            ],
            vec![
                "verify",
                "--key",
                KEY,
                "--signature",
                SIGNATURE,
                "--output",
                "yaml",
            ],
        ] {
            assert!(Cli::try_parse_from(&arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn keys_of_any_bytes_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let check = |content: &[u8], key: &[u8]| {
            std::fs::write(file.path(), content).unwrap();
            let signature = crate::deliver::elements_signature(key, BODY.as_bytes());
            let cli = Cli::try_parse_from(["verify", "--key-file", path, "--signature", &signature]).unwrap();
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            let valid = verify(&cli.args, BODY.as_bytes(), &mut stdout, &mut stderr);
            (valid, String::from_utf8(stderr).unwrap())
        };
        for (content, key, warned) in [
            (&b"key"[..], &b"key"[..], false),
            (b"key\n", b"key", true),
            (b"\xff\n", b"\xff\n", false),
            (b"  ", b"  ", false),
        ] {
            let (valid, said) = check(content, key);
            assert!(valid.unwrap());
            assert_eq!(
                said.contains("warning: the key ends with a line break"),
                warned,
                "{said}"
            );
        }
        assert!(matches!(check(b"", b"x").0, Err(VerifyError::NoKey)));
        assert!(matches!(check(b"\n", b"x").0, Err(VerifyError::Key(_))));
        file.close().unwrap();
    }

    #[test]
    fn a_key_file_that_is_not_there() {
        let cli =
            Cli::try_parse_from(["verify", "--key-file", "no/such/file", "--signature", SIGNATURE]).unwrap();
        let error = verify(&cli.args, BODY.as_bytes(), Vec::new(), Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "the key cannot be read from no/such/file");
    }

    #[test]
    fn help_hides_the_environment() {
        let help = <Cli as clap::CommandFactory>::command()
            .render_long_help()
            .to_string();
        assert!(help.contains("[env: POLLINATOR_KEY]"), "{help}");
    }
}
