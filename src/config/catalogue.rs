//! What the reader has to know of elements; their definitions are elsewhere.

use serde_json::{Map, Value};

/// The elements that are built in.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(Vec<CatalogueEntry>);

/// What a configuration for one element may take as given.
#[derive(Clone, Debug)]
pub struct CatalogueEntry {
    /// `spec.element.key`.
    pub key: String,
    /// The element's number at Cloud Elements, where it is known.
    pub id: Option<u64>,
    /// How access is obtained.
    pub authentication: AuthenticationKind,
    /// Default entries of `event.poller.configuration` by resource.
    pub poller: Map<String, Value>,
    /// Which of them are polled where a configuration names none.
    pub polled_by_default: Vec<String>,
}

/// How access to an element is obtained, as far as its configuration keys go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticationKind {
    /// The `oauth.*` keys.
    OAuth2,
    /// The value of one configuration key.
    Header {
        /// The key.
        configuration_key: String,
    },
}

impl CatalogueEntry {
    /// The configuration key that this element alone has: a secret.
    pub fn own_key(&self) -> Option<&str> {
        match &self.authentication {
            AuthenticationKind::OAuth2 => None,
            AuthenticationKind::Header { configuration_key } => Some(configuration_key),
        }
    }
}

impl Catalogue {
    /// The entry of an element.
    pub fn get(&self, key: &str) -> Option<&CatalogueEntry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// The entry of the element with this number at Cloud Elements.
    pub fn by_id(&self, id: u64) -> Option<&CatalogueEntry> {
        self.0.iter().find(|entry| entry.id == Some(id))
    }

    /// Every key, comma separated.
    pub fn keys(&self) -> String {
        let keys: Vec<_> = self.0.iter().map(|entry| entry.key.as_str()).collect();
        keys.join(", ")
    }
}

impl FromIterator<CatalogueEntry> for Catalogue {
    fn from_iter<I: IntoIterator<Item = CatalogueEntry>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}
