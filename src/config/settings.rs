//! What an instance's configuration means, validated once; nothing downstream reads the raw spec.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{SecretSlice, SecretString};
use serde_json::Value;
use url::Url;

use super::{DateField, FieldPath, UrlTemplate, WebhookKey};
use crate::api::DeliveryFormat;
use crate::tls::ClientTls;

/// Everything that decides how one instance is polled and delivered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Key of the element, for example `concur`.
    pub element: String,
    /// The element is polled through a Cloud Elements or SAP Open Connectors hub at `base_url`, not at the vendor.
    pub through_hub: bool,
    /// Name of the instance in notifications.
    pub name: String,
    /// Tags of the instance in notifications; by default its name, as in Cloud Elements.
    pub tags: Vec<String>,
    /// `event.notification.enabled`; absent means enabled, since a PollingInstance exists to poll.
    pub enabled: bool,
    /// Time between two polls of a resource.
    pub interval: Duration,
    /// How late a change may become visible after its own date, at least one second.
    pub lookback: Duration,
    /// What the first poll does.
    pub initial_sync: InitialSync,
    /// Longest time one request to the source may take.
    pub request_timeout: Duration,
    /// Failed polls in a row after which the instance is not ready.
    pub failure_threshold: u32,
    /// How to get access to the source.
    pub credentials: Credentials,
    /// `base.url`: wins over the element's own base URL and over a geolocation; always set for a hub.
    pub base_url: Option<Url>,
    /// `filter.response.nulls`: null-valued fields are left out of `raw` records. Default true, as in Cloud Elements.
    pub filter_nulls: bool,
    /// Where notifications go; without one nothing can be delivered and the reader reports a problem.
    pub callback: Callback,
    /// `delivery.format`: what the body of a notification is.
    pub format: DeliveryFormat,
    /// Most events in one notification, from 1 to 10.
    pub max_events: usize,
    /// Notifications under way at once.
    pub max_in_flight: usize,
    /// Pauses before a notification that was not accepted is tried again, one after the other, each at least a second;
    /// never empty, the last one repeats.
    pub retry_schedule: Vec<Duration>,
    /// Where notifications go that the callback refuses for good; none where their objects are held.
    pub dead_letter_sink: Option<Callback>,
    /// What to poll, in configuration order.
    pub resources: Vec<ResourceSettings>,
}

/// What the first poll of a resource does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialSync {
    /// Report what changes from the first start on.
    FromNow,
    /// Learn every existing record silently, then report differences.
    Baseline,
    /// Report everything dated at or after the instant.
    Backfill {
        /// Vendor time; the beginning of 1970 where the user gave none.
        since: Timestamp,
    },
}

/// How an instance gets access to its source.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Tokens of an OAuth 2.0 service.
    OAuth2(OAuth2Credentials),
    /// A header's value, sent as it is with every request; none where something on the way adds it.
    Header(Option<SecretString>),
}

/// OAuth client and grant of an instance, as configured; rotated tokens live in the store.
#[derive(Clone, Debug)]
pub struct OAuth2Credentials {
    /// `oauth.api.key`.
    pub client_id: String,
    /// `oauth.api.secret`.
    pub client_secret: SecretString,
    /// `oauth.token.url`: wins over the element's token endpoint and over a geolocation.
    pub token_url: Option<Url>,
    /// How the first token is obtained.
    pub grant: Grant,
}

/// The configured way to the first token, best first: refresh token, authorization code, password.
#[derive(Clone, Debug)]
pub enum Grant {
    /// `oauth.user.refresh_token`.
    RefreshToken(SecretString),
    /// `providerData.code` with `oauth.callback.url` as its redirect URI.
    AuthorizationCode {
        /// The code, good for one exchange.
        code: SecretString,
        /// Must equal the redirect URI of the authorisation.
        redirect_uri: String,
    },
    /// `oauth.username` and `oauth.password`.
    Password {
        /// A login, or a company UUID where `credtype` is `authtoken`.
        username: String,
        /// A password, or a company request token where `credtype` is `authtoken`.
        password: SecretString,
        /// `oauth.credtype`: `authtoken` (default) or `password`.
        credtype: CredType,
    },
}

/// Concur's `credtype` parameter (Concur authentication guide, password grant).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredType {
    /// A company request token.
    AuthToken,
    /// A user's password.
    Password,
}

/// Headers that a notification sets itself, or that frame its request; no configuration may set them.
pub const RESERVED_HEADERS: [&str; 14] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "elements-webhook-id",
    "elements-webhook-signature",
    "host",
    "pollinator-event-ids",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// The receiver of notifications.
#[derive(Clone)]
pub struct Callback {
    /// `event.notification.callback.url`, http or https.
    pub url: Url,
    /// `event.notification.signature.key`, any bytes; absent or empty means unsigned.
    pub signature_key: Option<SecretSlice<u8>>,
    /// Keys of `webhook-signature`, in order and each once: the one above, then those of `delivery.signingKeys`.
    pub signing_keys: Vec<WebhookKey>,
    /// `event.notification.basic.username` and `.password`.
    pub basic: Option<(String, SecretString)>,
    /// `event.notification.callback.headers`.
    pub headers: Vec<(String, SecretString)>,
    /// Longest time the callback may take to answer.
    pub timeout: Duration,
    /// `delivery.tlsFrom`: whom to trust as the callback and as whom to come to it.
    pub tls: Option<ClientTls>,
}

/// Path and query of a callback may be a receiver's secret.
impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// `idField`: what names a record's object.
#[derive(Clone, Debug)]
pub enum IdField {
    /// The path of its id.
    Path(FieldPath),
    /// The configuration leaves it blank: the record's own field `id`, in any case, where it has exactly one; else its
    /// content, so that every new content is a new object.
    Blank,
}

impl IdField {
    /// The id of a record that has one of its own.
    pub fn get<'a>(&self, record: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Path(path) => path.get(record),
            Self::Blank => {
                let mut found = record
                    .as_object()?
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case("id"));
                found.next().filter(|_| found.next().is_none()).map(|(_, id)| id)
            }
        }
    }
}

impl std::fmt::Display for IdField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Blank => f.write_str("\"\""),
        }
    }
}

/// One entry of `event.poller.configuration`.
#[derive(Clone, Debug)]
pub struct ResourceSettings {
    /// The entry's key; `objectType` of the events.
    pub name: String,
    /// Hub path and query with macros.
    pub url: UrlTemplate,
    /// What names a record's object.
    pub id_field: IdField,
    /// `datesConfiguration.updatedDate*`.
    pub updated: Option<DateField>,
    /// `datesConfiguration.createdDate*`.
    pub created: Option<DateField>,
    /// `filterByUpdatedDate`, default true; false lets the created date stand in for the updated one.
    pub filter_by_updated_date: bool,
    /// `filterByCurrentDate`, default false; true holds records dated after the poll until their date.
    pub filter_by_current_date: bool,
    /// `createdCheckTolerance`, default 10 s.
    pub created_check_tolerance: Duration,
    /// `pageSize`; the element's default where absent.
    pub page_size: Option<u32>,
    /// `pollDelay`, default 0: subtracted from the last poll time before it is put into the URL.
    pub poll_delay: Duration,
}
