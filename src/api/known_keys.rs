//! The Cloud Elements configuration keys Pollinator knows, with the text `kubectl explain` prints for each.

/// One configuration key and its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The key as written in `spec.configuration` or in a Secret.
    pub key: &'static str,
    /// What values it takes.
    pub kind: KeyKind,
    /// Whether its value belongs in a Secret.
    pub secret: bool,
    /// Its meaning, with unit and default.
    pub description: &'static str,
}

/// What values a configuration key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// An http or https URL.
    Url,
    /// Text; what looks like a number may be written as one.
    Text,
    /// `true` or `false`, as a bool or as text.
    Flag,
    /// A number of minutes, as a number or as text; decimals as text.
    Minutes,
    /// `polling`.
    VendorType,
    /// Header names and values: an object, JSON text, or `Name: value` lines.
    Headers,
    /// The poller map: an object or JSON text.
    Poller,
}

const fn open(key: &'static str, kind: KeyKind, description: &'static str) -> KnownKey {
    KnownKey {
        key,
        kind,
        secret: false,
        description,
    }
}

const fn secret(key: &'static str, description: &'static str) -> KnownKey {
    KnownKey {
        key,
        kind: KeyKind::Text,
        secret: true,
        description,
    }
}

/// Every known configuration key: events first, then access to the source.
pub const KNOWN_KEYS: &[KnownKey] = &[
    open(
        "event.notification.enabled",
        KeyKind::Flag,
        "Events on or off: true (default) polls and delivers, false does neither and keeps every cursor.",
    ),
    open(
        "event.vendor.type",
        KeyKind::VendorType,
        "How the vendor reports events: polling (default), in any case. webhook and webhooks are refused, since Pollinator polls.",
    ),
    open(
        "event.notification.callback.url",
        KeyKind::Url,
        "URL that receives the notifications as POST requests, http or https. Required; false means none, as in exports.",
    ),
    secret(
        "event.notification.signature.key",
        "Key of the HMAC-SHA256 signatures in the headers Elements-Webhook-Signature and webhook-signature; without it, and \
         without delivery.signingKeys, notifications are unsigned. Belongs in a Secret.",
    ),
    open(
        "event.notification.type",
        KeyKind::Text,
        "How to notify: webhook (default), the only value Cloud Elements supported.",
    ),
    open(
        "event.notification.basic.username",
        KeyKind::Text,
        "User name of HTTP Basic authentication at the callback URL.",
    ),
    secret(
        "event.notification.basic.password",
        "Password of HTTP Basic authentication at the callback URL. Belongs in a Secret.",
    ),
    KnownKey {
        key: "event.notification.callback.headers",
        kind: KeyKind::Headers,
        secret: true,
        description: "Further headers of every notification: an object, the same as JSON text, or lines `Name: value`. \
                      Belongs in a Secret if a header authenticates.",
    },
    open(
        "event.poller.refresh_interval",
        KeyKind::Minutes,
        "Minutes between two polls of a resource, default 15; decimals as text (\"0.5\"), 999999999 for never. \
         polling.interval wins over it.",
    ),
    open(
        "event.poller.configuration",
        KeyKind::Poller,
        "What to poll: resource name to {url, idField, datesConfiguration, filterByUpdatedDate, filterByCurrentDate, \
         createdCheckTolerance (s), pageSize, pollDelay (s)}; an object or the same as JSON text. Default: the element's own \
         default resource; required where it has none, and for a hub.",
    ),
    open(
        "event.poller.urls",
        KeyKind::Text,
        "Older form of event.poller.configuration, used where that is missing: names of resources (contacts|accounts), or \
         a line resource|url|id|updatedField|updatedFormat|updatedTz|createdField|createdFormat|createdTz for each.",
    ),
    open(
        "event.objects",
        KeyKind::Text,
        "Names of objects, comma separated: what {objectName} stands for in event.poller.configuration, or resources of the \
         element whose default entries are polled.",
    ),
    open(
        "event.metadata",
        KeyKind::Poller,
        "Event types by object, internal to Cloud Elements; known, without effect.",
    ),
    open(
        "event.helper.key",
        KeyKind::Text,
        "Poller class, internal to Cloud Elements; known, without effect.",
    ),
    open(
        "event.notification.subscription.id",
        KeyKind::Text,
        "Vendor webhook subscription, internal to Cloud Elements; known, without effect.",
    ),
    open(
        "event.notification.instance.finder",
        KeyKind::Text,
        "Finds the instance of an inbound webhook, internal to Cloud Elements; known, without effect.",
    ),
    open(
        "event.raw.enabled",
        KeyKind::Flag,
        "Whether notifications carry whole records (UiPath bundle); known, without effect: they always do.",
    ),
    open(
        "filter.response.nulls",
        KeyKind::Flag,
        "true (default): fields whose value is null are left out of the records in message.raw.",
    ),
    open(
        "oauth.api.key",
        KeyKind::Text,
        "OAuth client id of the app registered with the vendor. Required.",
    ),
    secret(
        "oauth.api.secret",
        "OAuth client secret of the app registered with the vendor. Required. Belongs in a Secret.",
    ),
    open(
        "oauth.callback.url",
        KeyKind::Text,
        "Redirect URI of the OAuth app; needed to exchange providerData.code, where it must equal that of the authorization.",
    ),
    open(
        "oauth.scope",
        KeyKind::Text,
        "Scopes that pollinator authorize asks for, separated by blanks or commas; default: those the polled resources need.",
    ),
    open(
        "oauth.authorization.url",
        KeyKind::Url,
        "URL of the page where a user allows the access, http or https; default: the element's own, on the host of \
         oauth.token.url where that is set.",
    ),
    secret(
        "oauth.user.refresh_token",
        "OAuth refresh token, the first choice of grant. Belongs in a Secret.",
    ),
    open(
        "oauth.token.url",
        KeyKind::Url,
        "URL of the OAuth token endpoint, http or https; default: the element's own.",
    ),
    open(
        "oauth.username",
        KeyKind::Text,
        "User name of the password grant; for SAP Concur with oauth.credtype authtoken the company UUID.",
    ),
    secret(
        "oauth.password",
        "Password of the password grant; for SAP Concur with oauth.credtype authtoken the company request token. \
         Belongs in a Secret.",
    ),
    open(
        "oauth.credtype",
        KeyKind::Text,
        "What oauth.username and oauth.password are at SAP Concur: authtoken (default, a company request token) or password.",
    ),
    open(
        "base.url",
        KeyKind::Url,
        "Base URL of the vendor's API, http or https; default: the element's own. For an element that is not built in: \
         the API of the Cloud Elements or SAP Open Connectors hub, such as https://api.cloud-elements.com/elements/api-v2.",
    ),
    secret(
        "hub.authorization",
        "Authorization header of the Cloud Elements or SAP Open Connectors hub at base.url: `User …, Organization …, \
         Element …`. With it even a built-in element is polled through the hub. Belongs in a Secret.",
    ),
];

/// Other names of keys: a page of the documentation of Cloud Elements turns this one around.
const ALIASES: &[(&str, &str)] = &[("vendor.event.type", "event.vendor.type")];

/// The known key that `written` spells, whatever its case and the blanks around it.
pub fn known_key(written: &str) -> Option<&'static KnownKey> {
    let written = written.trim();
    let alias = ALIASES
        .iter()
        .find(|(alias, _)| written.eq_ignore_ascii_case(alias));
    let key = alias.map_or(written, |(_, key)| key);
    KNOWN_KEYS
        .iter()
        .find(|known| known.key.eq_ignore_ascii_case(key))
}

/// The known key most like `key`, compared without regard to case, or none if none is near enough for a likely typo.
pub fn nearest_known_key(key: &str) -> Option<&'static str> {
    super::nearest::nearest(key, KNOWN_KEYS.iter().map(|known| known.key))
}

/// Words that make the value of an unknown key a secret wherever they stand in its name.
const SECRET_WORDS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "credential",
    "credentials",
    "authorization",
];

/// Words that make a secret of a `key` or `token` after them; a bare key names things as often as it opens them.
const SECRET_KEYS: [&str; 12] = [
    "api",
    "access",
    "account",
    "auth",
    "encryption",
    "license",
    "master",
    "private",
    "security",
    "shared",
    "signature",
    "signing",
];

/// Last words of names that only speak of a secret, such as `oauth.token.url`.
const ABOUT_SECRETS: [&str; 15] = [
    "ref", "url", "uri", "endpoint", "path", "type", "name", "header", "method", "expiry", "expires", "in",
    "time", "interval", "enabled",
];

/// Whether the value of a configuration key belongs in a Secret: a known key says so, an unknown one by its name.
pub fn is_secret_key(key: &str) -> bool {
    if let Some(known) = KNOWN_KEYS.iter().find(|known| known.key == key) {
        return known.secret;
    }
    let words = words(key);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    if ABOUT_SECRETS.contains(last) {
        return false;
    }
    let last = last.strip_suffix('s').unwrap_or(last);
    words.iter().any(|word| SECRET_WORDS.contains(word))
        || last.ends_with("token")
        || (last == "key" && before.last().is_some_and(|word| SECRET_KEYS.contains(word)))
        || SECRET_KEYS
            .iter()
            .any(|word| last.strip_suffix("key") == Some(word))
        || last.ends_with("password")
}

/// The words of a name, in lower case: `user.apiKey` is user, api, key.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in key.chars() {
        let boundary = !c.is_alphanumeric();
        if boundary || (c.is_uppercase() && small) {
            words.push(String::new());
        }
        small = c.is_lowercase() || c.is_ascii_digit();
        if let (false, Some(word)) = (boundary, words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::is_secret_key;

    #[test]
    fn secrets_are_known_by_their_names() {
        for key in [
            "oauth.api.secret",
            "oauth.user.refresh_token",
            "oauth.user.token",
            "oauth.user.token.secret",
            "event.notification.signature.key",
            "event.notification.callback.headers",
            "password",
            "user.Password",
            "smtpPassword",
            "api.key",
            "apiKey",
            "APIKEY",
            "x-api-key",
            "access_token",
            "private.key",
            "hub.authorization",
            "bot.tokens",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in [
            "oauth.api.key",
            "oauth.token.url",
            "oauth.user.refresh_time",
            "oauth.user.refresh_interval",
            "password.reset.url",
            "secretRef",
            "token.expires.in",
            "event.helper.key",
            "sort.key",
            "key",
            "monkey",
            "idField",
            "",
            "...",
        ] {
            assert!(!is_secret_key(key), "{key}");
        }
    }
}
