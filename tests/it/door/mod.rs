//! The door to the network over real sockets: whom it trusts, how it goes out, and how much at once.

mod addresses;
mod bounds;
mod connections;
mod peer;
mod proxies;
mod tls;
