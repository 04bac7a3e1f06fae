//! Pollinator turns SaaS APIs without webhooks into signed change events.
//!
//! ```text
//!  PollingInstance ─► config ─► element ─► poll ─► deliver ─► store ─► status
//!   (api)            settings   requests,  detect,  envelope,  checkpoint
//!                               tokens,    cursor   signature,
//!                               pages               send
//!                    └───────────── engine: one instance's due work ─────────┘
//!                    └──── operator (Kubernetes) or cli (a folder) drives it ─┘
//! ```
//!
//! `ARCHITECTURE.md` states the invariants; `docs/` explains the behaviour to users.

pub mod api;
pub mod cli;
pub mod config;
pub mod deliver;
pub mod element;
pub mod engine;
pub mod http;
pub mod operator;
pub mod poll;
pub mod store;
pub mod telemetry;
pub mod tls;
