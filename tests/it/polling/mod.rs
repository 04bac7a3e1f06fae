//! The polling algorithm through the real engine, against the simulator, in paused time.

mod grants;
mod hosts;
mod notifications;
mod ownership;
mod resources;
mod restlessness;
mod scenarios;
mod trouble;
