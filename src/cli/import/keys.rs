//! The configuration of an instance, sorted into what stands in the object and what belongs into its Secret.

use serde_json::{Map, Value};

use super::Notes;
use super::source::strict;
use crate::api::{KNOWN_KEYS, KnownKey, nearest_known_key};
use crate::config::is_blank;

/// Where Cloud Elements in the United States answers; other data centres and SAP have hosts of their own.
const HUB: &str = "https://api.cloud-elements.com/elements/api-v2";
/// How the path of every hub's address ends.
const HUB_PATH: &str = "/elements/api-v2";

/// What names of secrets have in them; compared without regard to case, dots, dashes and underscores.
const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
];

/// How names end that say where or how long a secret is, and not what.
const ABOUT_SECRETS: [&str; 8] = [
    "url", "uri", "type", "name", "interval", "time", "expiry", "scope",
];

/// The sorted configuration.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// `spec.configuration`.
    pub(super) configuration: Map<String, Value>,
    /// `stringData` of the Secret; what is to be filled in is empty.
    pub(super) secret: Map<String, Value>,
}

/// The known key that is written so, whatever its case.
pub(super) fn known(key: &str) -> Option<&'static KnownKey> {
    let key = key.trim();
    KNOWN_KEYS
        .iter()
        .find(|known| known.key.eq_ignore_ascii_case(key))
}

/// Whether the value of a key is a secret: what is known of it, else what its name says.
pub(in crate::cli) fn says_secret(key: &str) -> bool {
    if let Some(known) = known(key) {
        return known.secret;
    }
    let name: String = key
        .chars()
        .filter(|c| !matches!(c, '.' | '_' | '-'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // A slip of the pen in a secret's name, such as oauth.api.secert, is no reason to show it.
    let meant = nearest_known_key(key).and_then(known);
    let is_one =
        meant.is_some_and(|known| known.secret) || SECRET_WORDS.iter().any(|word| name.contains(word));
    is_one && !ABOUT_SECRETS.iter().any(|end| name.ends_with(end))
}

/// What exports print in place of a secret.
pub(super) fn is_mask(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let text = text.trim();
        !text.is_empty() && text.bytes().all(|byte| byte == b'*')
    })
}

impl Sorted {
    /// Sorts a configuration. Through a hub, the login at the vendor is the hub's affair.
    pub(super) fn new(written: &Map<String, Value>, through_hub: bool, notes: &mut Notes) -> Self {
        let mut sorted = Self::default();
        for (key, value) in written {
            if value.is_null() {
                continue;
            }
            if is_mask(value) {
                sorted.masked(key, through_hub, notes);
            } else if says_secret(key) {
                sorted.secret(key, value, notes);
            } else {
                sorted.open(key, value, through_hub, notes);
            }
        }
        if through_hub {
            sorted.hub(notes);
        }
        sorted
    }

    /// Whether a key has a value, or a place to fill.
    pub(super) fn has(&self, key: &str) -> bool {
        let given = self.configuration.get(key);
        self.secret.contains_key(key) || given.is_some_and(|value| !is_blank(key, value))
    }

    /// Makes an empty key of the Secret that a human fills.
    pub(super) fn fill_in(&mut self, key: &str, why: &str, remedy: &str, notes: &mut Notes) {
        self.secret.insert(key.to_owned(), Value::from(""));
        notes.say(&format!("{key}: {why}"), remedy);
    }

    fn masked(&mut self, key: &str, through_hub: bool, notes: &mut Notes) {
        let Some(known) = known(key) else {
            let what = format!("{key:?}: is masked, and no key that is known here, so it is left out");
            return notes.say(&what, "nothing to do");
        };
        let remedy = match known.key {
            key if through_hub && key.starts_with("oauth.") => {
                let what = format!("{key}: is masked, and left out, since the hub keeps its own login");
                return notes.say(&what, "nothing to do");
            }
            "oauth.user.refresh_token" => {
                "run `pollinator authorize`, which obtains one and prints the Secret, or write it into the Secret"
            }
            "event.notification.signature.key" => {
                "write the key that your receivers verify with into the Secret, or remove it there to send unsigned"
            }
            _ => "write its value into the Secret",
        };
        self.fill_in(known.key, "is masked in the JSON", remedy, notes);
    }

    fn secret(&mut self, key: &str, value: &Value, notes: &mut Notes) {
        if is_blank(key, value) {
            return;
        }
        let name = known(key).map_or(key, |known| known.key);
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty()
            || name.len() > 253
            || !name.chars().all(valid)
            || name.starts_with("..")
            || name == "."
        {
            let what = format!(
                "{:?}: is a secret that no Secret can hold by this name, so it is left out",
                cut(key)
            );
            return notes.say(&what, "nothing to do; no such key is known here");
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.secret.insert(name.to_owned(), text.into());
    }

    fn open(&mut self, key: &str, value: &Value, through_hub: bool, notes: &mut Notes) {
        let text = value.as_str().map(|text| text.trim().to_ascii_lowercase());
        let name = known(key).map(|known| known.key);
        let mut value = value.clone();
        match (name, text.as_deref()) {
            (Some("event.vendor.type"), Some("webhook" | "webhooks")) => {
                return notes.say(
                    "event.vendor.type: webhooks cannot be carried over, since Pollinator polls, so it is left out",
                    "make sure that event.poller.configuration says what to poll",
                );
            }
            (Some("event.notification.enabled"), Some("false")) => notes.say(
                "event.notification.enabled: is false, so nothing is polled",
                "set it to \"true\" when you are ready",
            ),
            (Some("event.notification.callback.url"), Some("false")) => return,
            (Some("event.poller.configuration"), _) => {
                if let Some(Ok(object @ Value::Object(_))) = value.as_str().map(strict) {
                    value = object;
                }
            }
            (Some("base.url"), Some(url)) if !through_hub && !url.is_empty() => notes.say(
                "base.url: replaces the element's own address of the vendor",
                "remove it unless you know that it must be so",
            ),
            _ => {}
        }
        self.configuration.insert(key.to_owned(), value);
    }

    /// The hub's address and login in place of the vendor's.
    fn hub(&mut self, notes: &mut Notes) {
        let asked = self.has("hub.authorization");
        let vendors = self.configuration.get("base.url").and_then(Value::as_str);
        let is_hub = vendors.is_some_and(|url| asked || url.trim().trim_end_matches('/').ends_with(HUB_PATH));
        if !is_hub {
            // A vendor's address must never be sent the login of the hub.
            let what = match vendors {
                Some(_) => {
                    "base.url: the vendor's address is replaced by that of Cloud Elements in the United States"
                }
                None => "base.url: is set to Cloud Elements in the United States",
            };
            notes.say(what, "if your account is elsewhere, write the host you called so far (Europe, SAP Open Connectors)");
            self.configuration.insert("base.url".to_owned(), HUB.into());
        }
        if !asked {
            self.fill_in(
                "hub.authorization",
                "the hub's login is not part of the JSON",
                "write the Authorization header of your calls so far into the Secret: User …, Organization …, Element …",
                notes,
            );
        }
    }
}

/// The first 60 characters, for messages.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        for key in [
            "oauth.api.secret",
            "OAUTH.User.Refresh_Token",
            "event.notification.signature.key",
            "event.notification.basic.password",
            "hub.authorization",
            "token",
            "oauth.user.token",
            "oauth.api.secert",
            "api-key",
            "aws_access_key",
            "clientSecret",
        ] {
            assert!(says_secret(key), "{key}");
        }
        for key in [
            "oauth.api.key",
            "oauth.token.url",
            "oauth.username",
            "oauth.credtype",
            "event.helper.key",
            "oauth.token.revoke.url",
            "token_type",
            "oauth.user.refresh_time",
            "name",
            "",
        ] {
            assert!(!says_secret(key), "{key}");
        }
    }
}
