//! `pollinator verify`: checks the signatures of a received notification.

mod body;
mod keys;
mod signatures;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use secrecy::SecretSlice;

use crate::config::{OnlyLineBreak, parse_duration};

/// Check the signatures of a notification that a callback has received.
///
/// Reads the body from standard input, byte for byte as it was received: a body that was parsed and printed again, or
/// got a line end at its end, does not match. Takes the header Elements-Webhook-Signature, or the three of Standard
/// Webhooks, or all of them, which must all be valid then; of several keys one must fit each. Tells also what the body
/// is. Exit status: 0 the signatures are valid, 1 they are not, 2 wrong usage.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "Examples:\n  \
    POLLINATOR_KEY=secret pollinator verify --signature 'sha256=jHdbRx5E…=' < body.json\n  \
    pollinator verify --key whpk_11qYAYKx…= --webhook-id cyYLp9D_v-wfA1zL8OYv --webhook-timestamp 1795435205 \\\n    \
    --webhook-signature 'v1a,fldxM4gA…==' < body.json")]
pub struct VerifyArgs {
    /// The instance's event.notification.signature.key, or one of its delivery.signingKeys; may be repeated.
    ///
    /// Of an Ed25519 key (whsk_…) give the public key (whpk_…). Secret keys are better given as the environment variable
    /// or a file, since other users of the machine can see arguments.
    #[arg(
        long, env = "POLLINATOR_KEY", hide_env_values = true, value_name = "KEY", value_parser = keys::parser(),
        required_unless_present = "key_file", conflicts_with = "key_file"
    )]
    pub key: Vec<SecretSlice<u8>>,
    /// File with a key, for one that is no text; instead of --key and POLLINATOR_KEY; may be repeated.
    ///
    /// As in a Secret, the line break at the end of a text is not part of the key; nothing else is trimmed.
    #[arg(long, value_name = "FILE")]
    pub key_file: Vec<PathBuf>,
    /// Value of the received header Elements-Webhook-Signature: sha256= and base64.
    #[arg(long, value_name = "HEADER", required_unless_present = "webhook_signature")]
    pub signature: Option<String>,
    /// Value of the received header webhook-id.
    #[arg(long, value_name = "HEADER", requires = "webhook_signature")]
    pub webhook_id: Option<String>,
    /// Value of the received header webhook-timestamp: Unix seconds.
    #[arg(long, value_name = "HEADER", requires = "webhook_signature")]
    pub webhook_timestamp: Option<String>,
    /// Value of the received header webhook-signature: signatures v1,… and v1a,…, separated by blanks.
    #[arg(
        long,
        value_name = "HEADER",
        requires = "webhook_id",
        requires = "webhook_timestamp"
    )]
    pub webhook_signature: Option<String>,
    /// How far webhook-timestamp may be from --at, either way: 30s, 5m, 1h30m.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub tolerance: Duration,
    /// When the notification was received, for one that is kept, RFC 3339 [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<Timestamp>,
    /// What is printed: a sentence on standard error, or {"valid": true} on standard output.
    #[arg(long, value_enum, default_value_t = VerifyOutput::Text, value_name = "FORMAT")]
    pub output: VerifyOutput,
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyOutput {
    /// A sentence on standard error.
    Text,
    /// One JSON document on standard output: `valid`, and for a valid body `format` and the number of `events`.
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
    let now = args.at.unwrap_or_else(Timestamp::now);
    let valid = verify(args, stdin, now, io::stdout().lock(), io::stderr().lock())?;
    Ok(if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn verify(
    args: &VerifyArgs,
    mut stdin: impl Read,
    now: Timestamp,
    mut stdout: impl Write,
    mut stderr: impl Write,
) -> Result<bool, VerifyError> {
    let (keys, warnings) = keys::given(args)?;
    for warning in warnings {
        writeln!(stderr, "warning: {warning}").map_err(VerifyError::Output)?;
    }
    let mut body = Vec::new();
    stdin.read_to_end(&mut body).map_err(VerifyError::Body)?;
    let result = signatures::check(args, &keys, &body, now);
    let print = match (args.output, &result) {
        (VerifyOutput::Json, Ok(())) => writeln!(stdout, "{}", body::Kind::of(&body).to_json()),
        (VerifyOutput::Json, Err(_)) => writeln!(stdout, "{{\"valid\":false}}"),
        (VerifyOutput::Text, Ok(())) => writeln!(stderr, "signature is valid: {}", body::Kind::of(&body)),
        (VerifyOutput::Text, Err(cause)) => writeln!(stderr, "{cause}"),
    };
    print.map_err(VerifyError::Output)?;
    Ok(result.is_ok())
}

#[cfg(test)]
mod tests;
