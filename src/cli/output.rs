//! How results are printed.

use clap::ValueEnum;

/// Form of the results on standard output; messages always go to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Lines for humans.
    #[default]
    Text,
    /// JSON: one document, or one line an item.
    Json,
}
