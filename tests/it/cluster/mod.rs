//! The operator as a process against a real API server, as users and administrators see it.

mod chain;
mod chart;
mod faults;
mod import;
mod leadership;
mod life;
mod limits;
mod plane;
mod process;
mod proxy;
mod schema;
mod site;

pub use plane::{Plane, plane};
