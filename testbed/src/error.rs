//! What can go wrong, each with what to do about it.

use std::path::PathBuf;

/// Why the control plane or one of its commands failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A binary is in none of the folders that are searched.
    #[error("no {name} in {searched}: run `make testbed`, which builds what is missing")]
    MissingBinary {
        /// The file's name.
        name: &'static str,
        /// The folders that were searched.
        searched: String,
    },
    /// A file or a process could not be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or program.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A component ended although nobody stopped it.
    #[error("{component} ended during its start, the last lines of its log are:\n{log}")]
    Ended {
        /// The component's name.
        component: &'static str,
        /// The end of its log.
        log: String,
    },
    /// A program ended although nobody stopped it.
    #[error("{name} ended by itself ({status}), the last lines of its log are:\n{log}")]
    EndedByItself {
        /// The program's name.
        name: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// A component did not become ready in time.
    #[error("{component} was not ready after {seconds} s, the last lines of its log are:\n{log}")]
    NotReady {
        /// The component's name.
        component: &'static str,
        /// How long it was given.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// A key could not be made.
    #[error("cannot generate the key that signs service account tokens")]
    Key,
    /// The API server could not be asked.
    #[error("cannot {action}")]
    Request {
        /// What was asked for.
        action: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The API server refused.
    #[error("cannot {action}: the API server answered {status}: {body}")]
    Refused {
        /// What was asked for.
        action: String,
        /// The HTTP status.
        status: u16,
        /// The answer's body.
        body: String,
    },
    /// A file is not what it should be.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A command ended with a failure.
    #[error("`{command}` ended with {status}: {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}

/// The text with its causes, since tests unwrap these errors and need the remedy and the log.
impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
