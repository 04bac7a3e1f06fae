//! How many requests are under way to one host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hosts from which on those that nobody asks any more are forgotten.
const TIDY_FROM: usize = 256;

/// Bounds the requests under way to each host, whoever they are for. Every host is counted apart, so that one that hangs
/// holds up no other.
#[derive(Debug)]
pub(super) struct Bounds {
    most: usize,
    hosts: Mutex<Hosts>,
}

#[derive(Debug)]
struct Hosts {
    places: HashMap<String, Arc<Semaphore>>,
    tidy_from: usize,
}

impl Bounds {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.clamp(1, Semaphore::MAX_PERMITS),
            hosts: Mutex::new(Hosts {
                places: HashMap::new(),
                tidy_from: TIDY_FROM,
            }),
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Waits, in turn, for a place among the requests to `origin`; it is given back when the permit is dropped.
    pub(super) async fn enter(&self, origin: String) -> Option<OwnedSemaphorePermit> {
        // Fails only for a semaphore that is closed, which none of them is.
        self.places(origin).acquire_owned().await.ok()
    }

    fn places(&self, origin: String) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.places.len() >= hosts.tidy_from {
            hosts.places.retain(|_, places| Arc::strong_count(places) > 1);
            // Each look at all of them is paid for by as many new ones.
            hosts.tidy_from = TIDY_FROM.max(hosts.places.len() * 2);
        }
        let places = hosts.places.entry(origin);
        places
            .or_insert_with(|| Arc::new(Semaphore::new(self.most)))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn hosts_are_counted_apart_and_served_in_turn() {
        let bounds = Bounds::new(2);
        let enter = |host: &str| bounds.enter(host.to_owned()).now_or_never();
        let (first, second) = (enter("a"), enter("a"));
        assert!(first.is_some() && second.is_some());
        assert!(enter("a").is_none());
        assert!(enter("b").is_some(), "another host has places of its own");
        drop(first);
        assert!(enter("a").is_some());
    }

    #[test]
    fn hosts_without_requests_are_forgotten_and_those_with_some_are_not() {
        let bounds = Bounds::new(1);
        let held: Vec<_> = (0..300)
            .map(|host| bounds.enter(format!("held-{host}")).now_or_never().unwrap())
            .collect();
        for host in 0..10_000 {
            bounds.enter(format!("new-{host}")).now_or_never().unwrap();
        }
        assert!(bounds.hosts.lock().unwrap().places.len() <= 2 * held.len() + 1);
        assert!(bounds.enter("held-7".to_owned()).now_or_never().is_none());
    }
}
