//! The real controller against an API server in memory, with paused time and faults.

mod delivery;
mod faults;
mod ids;
mod leadership;
mod mending;
mod politeness;
mod polling;
mod restart;
mod rig;
mod segments;
