//! The token rules against a scripted token service and a store with faults.

mod blocking;
mod fakes;
mod places;
mod requests;
mod sharing;
mod storing;
