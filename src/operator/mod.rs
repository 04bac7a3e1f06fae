//! The operator: watches instances, runs what is due through the engine, reports in status and events.
//!
//! dereference (Secrets) → validate (settings) → engine → conditions (pure) → status, the only writer of it.

mod conditions;
mod context;
mod controller;
mod dereference;
mod events;
mod lease;
mod patience;
mod reconcile;
mod status;
mod surroundings;
mod tally;

pub use controller::{OperatorError, Options, Parts, run, run_with};
