//! The polling algorithm through the real engine, against the simulator, in paused time.

mod cloud_events;
mod dead_letters;
mod edits;
mod grants;
mod hosts;
mod notifications;
mod ownership;
mod politeness;
mod refusals;
mod resources;
mod restlessness;
mod retries;
mod scale;
mod scenarios;
mod trouble;
