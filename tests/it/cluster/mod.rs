//! The operator as a process against a real API server, as users and administrators see it.

mod chain;
mod chart;
mod import;
mod leadership;
mod plane;
mod process;
mod schema;
mod site;

pub use plane::plane;
