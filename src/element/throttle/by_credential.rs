//! One [`Throttle`] for each credential in the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Throttle;
use crate::config::{Credentials, Settings};
use crate::element::Definition;
use crate::element::oauth::fingerprint;

/// Throttles kept before those that nobody would miss are dropped.
const KEPT: usize = 1024;

/// The throttles of a process, by element and credential.
#[derive(Debug, Default)]
pub struct Throttles(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    throttles: HashMap<String, Arc<Throttle>>,
    /// How many there were when they were last tidied.
    tidied: usize,
}

impl Throttles {
    /// The one that all instances with these credentials share, in whatever namespace they are.
    pub fn of(&self, definition: &Definition, settings: &Settings) -> Arc<Throttle> {
        let name = name(definition, settings);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(throttle) = known.throttles.get(&name) {
            return throttle.clone();
        }
        // Credentials change over the years.
        if known.throttles.len() >= KEPT.max(2 * known.tidied) {
            let now = Instant::now();
            known
                .throttles
                .retain(|_, throttle| Arc::strong_count(throttle) > 1 || !throttle.pace().is_idle(now));
            known.tidied = known.throttles.len();
        }
        let throttle = Arc::new(Throttle::new(&definition.limits));
        known.throttles.insert(name, throttle.clone());
        throttle
    }
}

/// The element, and a hash of what an account is known by: all that leads to a token, or the header and its place.
fn name(definition: &Definition, settings: &Settings) -> String {
    let credential = match &settings.credentials {
        Credentials::OAuth2(credentials) => fingerprint(credentials),
        Credentials::Header(value) => {
            let mut hash = Sha256::new();
            let base = settings.base_url.as_ref().or(definition.base_url.as_ref());
            hash.update(base.map_or("", |url| url.as_str()));
            hash.update([0]);
            hash.update(value.as_ref().map_or("", |value| value.expose_secret()));
            hex::encode(&hash.finalize()[..10])
        }
    };
    format!("{}/{credential}", definition.key)
}
