//! Runs a command to its end.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Error;

/// Runs a command and returns what it wrote to standard output, or an error with what it wrote to
/// standard error.
pub async fn run(command: &mut Command) -> Result<String, Error> {
    run_with_input(command, "").await
}

/// As [`run`], with text for the command's standard input.
pub async fn run_with_input(command: &mut Command, input: &str) -> Result<String, Error> {
    let program = command.as_std().get_program().to_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::io("run", &program))?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read its input closes the pipe, which is no failure.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    let output = output.map_err(Error::io("wait for", &program))?;
    if !output.status.success() {
        return Err(Error::Command {
            command: command_line(command),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command_line(command: &Command) -> String {
    let command = command.as_std();
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
