//! Logs, metrics and probes.

mod logs;
mod metrics;
mod server;

pub use logs::{LogFormat, init_logs, may_be_printed};
pub use metrics::{Metrics, Tally};
pub use server::{Gate, Probes, serve};
