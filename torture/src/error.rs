//! Why a run could not be carried out; what Pollinator does wrong is a violation, not an error.

use std::path::PathBuf;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program that is started is not where it should be.
    #[error("no {name} at {}: build everything first, for example with `make build`", path.display())]
    NotBuilt {
        /// Name of the program.
        name: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file or an address could not be used.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The simulator did not take a command of the plan.
    #[error("the simulator refused a command; this is a fault of the plan")]
    Command(#[from] concur_sandbox::CommandError),
    /// The control plane or a process failed.
    #[error(transparent)]
    Testbed(#[from] pollinator_testbed::Error),
    /// A signal came.
    #[error("interrupted; everything that was started is ended")]
    Interrupted,
}

impl Error {
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let action = action.into();
        move |source| Error::Io { action, source }
    }

    /// The text with its causes.
    pub fn chain(&self) -> String {
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
