//! What several tests stand on.

pub mod bulk;
pub mod checkpoints;
pub mod lines;
pub mod memory_store;
pub mod schema;
pub mod secrets;
pub mod transport;
pub mod vendor;
pub mod world;
