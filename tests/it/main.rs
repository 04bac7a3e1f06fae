//! Tests of Pollinator against a vendor, receivers of events and a Kubernetes API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod chart;
mod cli;
mod cluster;
mod door;
mod fake_api;
mod operator;
mod parsers;
mod polling;
mod receivers;
mod schedules;
mod secrecy;
mod support;
mod torture;
