//! The polling algorithm through the real engine, against the simulator, in paused time.

mod grants;
mod notifications;
mod ownership;
mod resources;
mod restlessness;
mod scale;
mod scenarios;
mod trouble;
