//! Tests of the simulator through its routers, with tokio's clock paused.

// Clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod api;
mod control;
mod faults;
mod listing;
mod receiver;
mod support;
mod tcp;
mod token;
