//! What can go wrong, each with what to do about it.

use std::path::PathBuf;

/// Why the demonstration ended with exit status 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no {name} at {}: build everything first, for example with `make build`", path.display())]
    NotBuilt { name: &'static str, path: PathBuf },
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "port {port} of 127.0.0.1 is taken: end the program that listens there, since examples/sandbox/ uses it"
    )]
    PortTaken { port: u16 },
    #[error(
        "the sandbox's control API does not answer; it may have been ended from outside, run the demonstration again"
    )]
    Control(#[source] reqwest::Error),
    #[error("the sandbox refused a command: {0}")]
    Refused(String),
    #[error("not understood, what {from} said; this is a fault of the demonstration")]
    Answer {
        from: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("{what}: not within {seconds} s{details}")]
    Deadline {
        what: String,
        seconds: u64,
        details: String,
    },
    #[error("{0}")]
    Check(String),
    #[error(transparent)]
    Testbed(#[from] pollinator_testbed::Error),
    #[error("interrupted; everything that was started is ended")]
    Interrupted,
    #[error("not at its end after {seconds} s; everything that was started is ended")]
    TooSlow { seconds: u64 },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }

    /// The text with its causes.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
