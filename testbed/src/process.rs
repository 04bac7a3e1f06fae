//! Programs that are started and killed, and none of which outlives the process that started it.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Error;

/// A running program whose output goes to a log file; dropping it kills it with SIGKILL and waits.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    log: PathBuf,
    child: Child,
    _guard: Guard,
}

impl Process {
    /// Starts `command`; its standard error, and its standard output unless set before, is added to `log`.
    pub fn start(
        name: &'static str,
        mut command: Command,
        log: &Path,
        stdout: Option<File>,
    ) -> Result<Self, Error> {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(Error::io("write", log))?;
        let output = match stdout {
            Some(file) => file,
            None => errors.try_clone().map_err(Error::io("write", log))?,
        };
        // A process group of its own: ctrl-c in a terminal must reach us alone, who end the others in order.
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(Error::io("start", command.get_program()))?;
        let guard = Guard::start(
            "read -r _; kill -KILL \"$1\" 2>/dev/null",
            child.id().to_string().as_ref(),
        )?;
        Ok(Self {
            name,
            log: log.to_owned(),
            child,
            _guard: guard,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of its log if it has ended by itself.
    pub fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Error::EndedByItself {
                name: self.name,
                status,
                log: last_lines(&self.log),
            }),
            Err(error) => Err(Error::io("look after", self.name)(error)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of a log file.
pub fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// A shell that acts when our end of its standard input closes, which the kernel does however we end.
/// Dropping it ends it without acting.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    fn start(script: &str, argument: &std::ffi::OsStr) -> Result<Self, Error> {
        Command::new("sh")
            .args(["-c", script, "testbed-guard"])
            .arg(argument)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map(Guard)
            .map_err(Error::io("start", "sh"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
