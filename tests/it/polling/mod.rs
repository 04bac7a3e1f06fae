//! The polling algorithm through the real engine, against the simulator, in paused time.

mod cloud_events;
mod grants;
mod notifications;
mod ownership;
mod resources;
mod restlessness;
mod scenarios;
mod trouble;
