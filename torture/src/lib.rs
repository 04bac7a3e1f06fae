//! Kills Pollinator with SIGKILL at random instants while the simulated Concur changes between its pages and the
//! receiver misbehaves; afterwards the receiver's log is held against the simulator's history.
//!
//! Nothing here shares code with `src/`: [`check`] knows the promises, not how they are kept.

mod check;
mod error;
mod evidence;
mod figures;
mod lives;
mod plan;
mod run;
mod story;
mod world;

pub use check::{Rule, Violation, check};
pub use error::Error;
pub use evidence::{Event, Evidence, Object, Question, Resource, Version};
pub use figures::Figures;
pub use run::{Outcome, Progress, Settings, torture};
pub use story::story;
pub use world::Place;
