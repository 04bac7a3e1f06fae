//! Processes and the folder of a demonstration, none of which outlives it.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::Error;

/// A running program whose output goes to a log file; dropping it kills it with SIGKILL and waits.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    log: PathBuf,
    child: Child,
    _guard: Guard,
}

impl Process {
    /// Starts `command`; its standard error, and its standard output unless set before, is added to `log`.
    pub(crate) fn start(
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

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of its log if it has ended by itself.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Error::Ended {
                name: self.name,
                status: status.to_string(),
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
pub(crate) fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// A folder that only this user can read, removed at the end.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    guard: Option<Guard>,
}

impl Folder {
    pub(crate) fn create() -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt as _;
        let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        let name = format!("pollinator-demo-{}-{since_1970}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(Error::io("create", &path))?;
        // It waits a little, since the programs that write here are ended at the same time.
        let guard = Guard::start("read -r _; sleep 1; rm -rf \"$1\"", path.as_os_str())?;
        Ok(Self {
            path,
            guard: Some(guard),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.guard.take());
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A shell that acts when our end of its standard input closes, which the kernel does however we end.
/// Dropping it ends it without acting.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    fn start(script: &str, argument: &std::ffi::OsStr) -> Result<Self, Error> {
        Command::new("sh")
            .args(["-c", script, "pollinator-demo-guard"])
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
