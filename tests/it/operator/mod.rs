//! The real controller against an API server in memory, with paused time and faults.

mod delivery;
mod edits;
mod faults;
mod ids;
mod leadership;
mod mending;
mod namespaces;
mod patience;
mod politeness;
mod polling;
mod restart;
mod rig;
mod scale;
mod secrets;
mod segments;
mod signing;
