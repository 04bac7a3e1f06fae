//! The polling algorithm: records and clock in, decisions out. Pure; `now` is an argument.
//!
//! ```text
//!  Rules (constant)     Memory (checkpoint + what a restart may forget)
//!        └──────┬───────────┘
//!   since ─► Pass: decide each record ─► accepted / refused / unanswered ─► complete: proof, floor, tidy
//! ```
//!
//! `docs/adr/0002-polling-algorithm.md` says why each rule is there.

mod checkpoint;
mod detect;
mod held;
mod identity;
mod memory;
mod origin;
mod pass;
mod proof;
mod reason;
mod record;
mod rules;
mod seen;
mod time;

pub use checkpoint::{Checkpoint, CheckpointError, Encoded, Held, HeldReason, Phase, Refusals};
pub use detect::{Change, Decision, Judgement};
pub use identity::{EventId, event_ids};
pub use memory::Memory;
pub use origin::{Added, CarriedOver, Origin};
pub use pass::{Completion, Pass};
pub use reason::Reason;
pub use record::{Record, Unreadable};
pub use rules::Rules;
