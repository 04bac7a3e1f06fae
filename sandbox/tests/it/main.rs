//! Tests of the simulator through its routers, with tokio's clock paused.

// Clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod api;
mod authorize;
mod control;
mod faults;
mod hub;
mod listing;
mod receiver;
mod resources;
mod support;
mod tcp;
mod token;
