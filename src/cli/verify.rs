//! `pollinator verify`: checks the signature of a received notification.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

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
    /// Better given as the environment variable, since other users of the machine can see arguments.
    #[arg(long, env = "POLLINATOR_KEY", hide_env_values = true, value_name = "KEY", value_parser = key)]
    pub key: SecretString,
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
    let mut body = Vec::new();
    stdin.read_to_end(&mut body).map_err(VerifyError::Body)?;
    let valid = verify_elements(
        args.key.expose_secret().as_bytes(),
        header_value(&args.signature),
        &body,
    );
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

fn key(text: &str) -> Result<SecretString, &'static str> {
    if text.is_empty() {
        Err("the key is empty; unsigned notifications have no signature")
    } else {
        Ok(text.into())
    }
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
            key: KEY.into(),
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
    fn help_hides_the_environment() {
        let help = <Cli as clap::CommandFactory>::command()
            .render_long_help()
            .to_string();
        assert!(help.contains("[env: POLLINATOR_KEY]"), "{help}");
    }
}
