//! One process of the control plane, which never outlives the process that started it.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Error;

/// Kills the program when our end of its standard input closes, which the kernel does for us however
/// we end. Ends itself when the program ends. `read` is built in, so no further process remains.
const WATCHDOG: &str = r#"
exec 3<&0
"$@" 3<&- </dev/null &
program=$!
{ read -r _ <&3; kill -KILL $program; } &
watcher=$!
exec 3<&-
wait $program
kill -KILL $watcher 2>/dev/null
"#;

/// Removes the folder when our end of its standard input closes; it waits for the watchdogs first.
const JANITOR: &str = r#"read -r _; sleep 1; rm -rf "$1""#;

/// A running program with its log; dropping it kills the program and waits for that.
#[derive(Debug)]
pub(crate) struct Component {
    name: &'static str,
    log: PathBuf,
    watchdog: Child,
}

impl Component {
    /// Starts a program whose output goes to a log file in the folder.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Component, Error> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(Error::io("write", &log))?;
        let errors = output.try_clone().map_err(Error::io("write", &log))?;
        let watchdog = shell(WATCHDOG)
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(Error::io("start", program))?;
        Ok(Component { name, log, watchdog })
    }

    /// An error if the program has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self.watchdog.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Err(Error::Ended {
                component: self.name,
                log: self.last_lines(),
            }),
        }
    }

    /// The error for a program that took too long.
    pub(crate) fn not_ready(&self, seconds: u64) -> Error {
        Error::NotReady {
            component: self.name,
            seconds,
            log: self.last_lines(),
        }
    }

    fn last_lines(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Removes a folder when it is dropped, and also when this process is killed.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    janitor: Option<Child>,
}

impl Folder {
    /// Makes a folder among the system's temporary ones, whose name begins with `name`.
    pub fn temporary(name: &str) -> Result<Folder, Error> {
        let name = format!("{name}-{}", uuid::Uuid::new_v4());
        Folder::create(std::env::temp_dir().join(name), false)
    }

    /// Makes the folder, for this user only because it holds credentials.
    pub(crate) fn create(path: PathBuf, keep: bool) -> Result<Folder, Error> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(Error::io("create", &path))?;
        let janitor = if keep {
            None
        } else {
            Some(
                shell(JANITOR)
                    .arg(&path)
                    .spawn()
                    .map_err(Error::io("start a shell for", &path))?,
            )
        };
        Ok(Folder { path, janitor })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it behind for whoever looks for the cause of a failure; where it is.
    pub fn keep(mut self) -> PathBuf {
        if let Some(mut janitor) = self.janitor.take() {
            let _ = janitor.kill();
            let _ = janitor.wait();
        }
        self.path.clone()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(janitor) = &mut self.janitor {
            let _ = janitor.kill();
            let _ = janitor.wait();
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    // A process group of its own: ctrl-c in a terminal must reach us, not the watchdog.
    command
        .args(["-c", script, "testbed"])
        .process_group(0)
        .stdin(Stdio::piped());
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn runs(pid: &str) -> bool {
        Command::new("kill")
            .args(["-0", pid])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }

    fn eventually(what: &str, condition: impl Fn() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{what}: not within 10 s"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn sleeper(folder: &Folder) -> (Component, String) {
        let arguments = ["-c", "echo $$; exec sleep 60"].map(String::from);
        let component = Component::start("sleeper", Path::new("/bin/sh"), &arguments, folder.path()).unwrap();
        eventually("the log has the pid", || {
            component.last_lines().trim().parse::<u32>().is_ok()
        });
        let pid = component.last_lines().trim().to_owned();
        (component, pid)
    }

    fn folder() -> Folder {
        Folder::temporary("pollinator-testbed").unwrap()
    }

    #[test]
    fn a_folder_goes_unless_it_is_kept() {
        let gone = folder().path().to_owned();
        assert!(!gone.exists());
        let kept = folder().keep();
        assert!(kept.exists());
        std::fs::remove_dir_all(kept).unwrap();
    }

    #[test]
    fn dropping_a_component_kills_its_program() {
        let folder = folder();
        let (mut component, pid) = sleeper(&folder);
        component.check().unwrap();
        assert!(runs(&pid));
        drop(component);
        eventually("the program is gone", || !runs(&pid));
    }

    #[test]
    fn a_program_that_ends_by_itself_is_noticed_with_its_log() {
        let folder = folder();
        let arguments = ["-c", "echo no luck; exit 3"].map(String::from);
        let mut component =
            Component::start("failing", Path::new("/bin/sh"), &arguments, folder.path()).unwrap();
        let started = Instant::now();
        // Not `eventually`, whose condition cannot borrow the component mutably.
        let error = loop {
            match component.check() {
                Ok(()) => assert!(
                    started.elapsed() < Duration::from_secs(10),
                    "the end is not noticed"
                ),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().ends_with("log are:\nno luck"), "{error}");
    }

    #[test]
    fn the_folder_is_removed_even_if_only_the_pipe_closes() {
        let mut folder = folder();
        let path = folder.path().to_owned();
        // What the kernel does when we are killed.
        drop(folder.janitor.as_mut().and_then(|janitor| janitor.stdin.take()));
        eventually("the folder is gone", || !path.exists());
    }
}
