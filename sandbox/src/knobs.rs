//! Knobs: the points on which Concur's documents are silent or contradict themselves, and the receiver's moods.

use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $first:ident = $first_text:literal: $first_doc:literal, $($item:ident = $text:literal: $item_doc:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            #[doc = $first_doc]
            #[default]
            #[serde(rename = $first_text)]
            $first,
            $(#[doc = $item_doc] #[serde(rename = $text)] $item,)*
        }
    };
}

choices!(
    /// JSON type of `expires_in` in token answers.
    ExpiresIn { String = "string": "`\"3600\"`.", Number = "number": "`3600`." }
);
choices!(
    /// What a refresh does to the refresh token.
    Rotate {
        Same = "same": "The same token comes back (the usual case).",
        New = "new": "A new token comes back, the old one stays valid.",
        NewOldDead = "new-old-dead": "A new token comes back, the old one answers code 108.",
    }
);
choices!(
    /// How token answers print the geolocation.
    GeolocationStyle {
        Plain = "plain": "Scheme and host.",
        UpperCase = "upper-case": "Host in upper-case letters.",
        WithPath = "with-path": "With `/oauth2/v0/token` behind it.",
    }
);
choices!(
    /// How the last page says that it is the last.
    NextPageEnd {
        Null = "null": "`\"NextPage\": null`.",
        Absent = "absent": "No such field.",
        Empty = "empty": "`\"NextPage\": \"\"`.",
    }
);
choices!(
    /// The host in `NextPage`.
    NextPageHost { Own = "own": "The host that was asked.", Foreign = "foreign": "The knob `foreignHost`." }
);
choices!(
    /// The offset in `NextPage`.
    OffsetStyle {
        Numeric = "numeric": "A count of records.",
        RandomToken = "random-token": "An opaque text, known only to the sandbox.",
    }
);
choices!(
    /// What `user=ALL` gives without the role.
    AllRefusal { Forbidden = "403": "Status 403.", Own = "own": "Only the token owner's reports." }
);
choices!(
    /// Whether a filter date may carry `Z` or `+00:00`.
    ZoneSuffix { Refused = "refused": "Status 400.", Accepted = "accepted": "Read as given." }
);
choices!(
    /// Whether a date filter's bound itself matches.
    Filter { Exclusive = "exclusive": "After means later than.", Inclusive = "inclusive": "After means at or later than." }
);
choices!(
    /// Precision to which the server takes a filter date.
    FilterRounding {
        Ms = "ms": "As given.",
        ThreeHundredth = "300": "Rounded to the nearest 1/300 s, as SQL Server's datetime.",
        Second = "second": "Cut to the second.",
        Day = "day": "Cut to the day.",
    }
);
choices!(
    /// Order of a listing.
    Order {
        Id = "id": "By id.",
        Created = "created": "By creation, oldest first.",
        ModifiedAsc = "modified-asc": "By modification, oldest first.",
        ModifiedDesc = "modified-desc": "By modification, newest first.",
        Random = "random": "Shuffled, the same for each request.",
        Unstable = "unstable": "Shuffled anew for each request.",
    }
);
choices!(
    /// Letter case of response header names, over TCP only.
    HeaderCase { Lower = "lower": "`concur-correlationid`.", Title = "title": "`Concur-Correlationid`." }
);
choices!(
    /// Answer to a single report that does not exist.
    NotFound { ErrorIn200 = "error-in-200": "Status 200 with an Error object.", Status404 = "404": "Status 404." }
);

choices!(
    /// Where the listing of invoice digests has its records.
    DigestItems {
        PaymentRequestDigest = "PaymentRequestDigest": "Under `PaymentRequestDigest`, as public clients read it.",
        Items = "Items": "Under `Items`, which is documented too.",
    }
);
choices!(
    /// JSON type of `IsDeleted` in invoice digests.
    IsDeleted { String = "string": "`\"true\"`, as documented.", Boolean = "boolean": "`true`." }
);

/// How `/oauth2/v0/authorize` refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthorizeError {
    /// `error_code` of the redirect.
    pub code: String,
    /// `error_description` of the redirect.
    pub description: String,
}

/// All knobs; the default is what Concur documents, or its usual behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Knobs {
    /// Refuse a token request whose Content-Type has a charset (code 135).
    pub reject_charset: bool,
    /// JSON type of `expires_in`.
    pub expires_in: ExpiresIn,
    /// Lifetime of access tokens, seconds.
    pub expires_in_seconds: u32,
    /// Print `refresh_expires_in` (epoch seconds).
    pub refresh_expires_in: bool,
    /// What a refresh does to the refresh token.
    pub rotate: Rotate,
    /// How the geolocation is printed.
    pub geolocation_style: GeolocationStyle,
    /// Bad secrets in a row after which the account is locked (code 14); 0 is never.
    pub lock_after_bad_secrets: u32,
    /// Status of code 108 (Concur's pages show both 400 and 403).
    pub bad_refresh_status: u16,
    /// The client is disabled (code 59).
    pub client_disabled: bool,
    /// The client may not refresh (code 107).
    pub refresh_disallowed: bool,
    /// Send a `Date` header.
    pub date_header: bool,
    /// `Date` header minus vendor clock, milliseconds.
    pub date_skew_ms: i64,
    /// Vendor database clock minus sandbox clock, milliseconds.
    pub clock_skew_ms: i64,
    /// IANA zone in which dates are printed and filters are read.
    pub zone: String,
    /// How the last page ends.
    pub next_page_end: NextPageEnd,
    /// The host in `NextPage`.
    pub next_page_host: NextPageHost,
    /// Scheme and host used when `nextPageHost` is `foreign`.
    pub foreign_host: String,
    /// The offset in `NextPage`.
    pub offset_style: OffsetStyle,
    /// Records that a page repeats from the page before.
    pub page_overlap: usize,
    /// Page size when the query has no `limit`.
    pub default_limit: usize,
    /// Largest page size; a larger `limit` is cut to it.
    pub max_limit: usize,
    /// The token owner may ask for `user=ALL` and other users.
    pub has_all_role: bool,
    /// What happens without that role.
    pub all_refusal: AllRefusal,
    /// Whether filter dates may have a zone.
    pub zone_suffix: ZoneSuffix,
    /// Whether filter bounds match.
    pub filter: Filter,
    /// Precision of filter dates.
    pub filter_rounding: FilterRounding,
    /// Order of a listing.
    pub order: Order,
    /// Editing an entry bumps `LastModifiedDate`.
    pub entry_edit_bumps: bool,
    /// Shuffle the keys of every object in an answer.
    pub shuffle_keys: bool,
    /// Add fields that nobody documented.
    pub extra_fields: bool,
    /// Send `x-api-warn` and `sunset`.
    pub deprecation_warning: bool,
    /// Letter case of header names.
    pub correlation_header_case: HeaderCase,
    /// Answer to an unknown single report.
    pub not_found: NotFound,
    /// Whether a filter by the day (invoice digests) matches the day itself.
    pub day_filter: Filter,
    /// Where the listing of invoice digests has its records.
    pub digest_items: DigestItems,
    /// JSON type of `IsDeleted` in invoice digests.
    pub is_deleted: IsDeleted,
    /// Print `lastModified` in the listing of travel requests, not only in a single one.
    pub request_last_modified: bool,
    /// Fill `links` in the listing of lists when there are several pages.
    pub list_links: bool,
    /// Hub: leave away fields that are null.
    pub hub_filter_nulls: bool,
    /// Hub: names that a `where` may use as the vendor's own parameters; they are ignored.
    pub hub_parameters: Vec<String>,
    /// What `/oauth2/v0/authorize` sends back in place of a code.
    pub authorize_error: Option<AuthorizeError>,
    /// Receiver: refuse with 400 each notification that has one of these object ids.
    pub refuse_ids: Vec<String>,
    /// Receiver: answer this status to everything.
    pub receiver_status: Option<u16>,
    /// Receiver: answer 503 to everything.
    pub receiver_down: bool,
    /// Receiver: at `/callback/sink`, a dead-letter sink, answer this status; the two above and `refuseIds` do not count there.
    pub sink_status: Option<u16>,
    /// Receiver: answer 401 unless a signature is valid, Elements' or that of Standard Webhooks.
    pub require_signature: bool,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            reject_charset: false,
            expires_in: ExpiresIn::default(),
            expires_in_seconds: 3600,
            refresh_expires_in: true,
            rotate: Rotate::default(),
            geolocation_style: GeolocationStyle::default(),
            lock_after_bad_secrets: 5,
            bad_refresh_status: 400,
            client_disabled: false,
            refresh_disallowed: false,
            date_header: true,
            date_skew_ms: 0,
            clock_skew_ms: 0,
            zone: "UTC".into(),
            next_page_end: NextPageEnd::default(),
            next_page_host: NextPageHost::default(),
            foreign_host: "https://integration.concursolutions.example".into(),
            offset_style: OffsetStyle::default(),
            page_overlap: 0,
            default_limit: 25,
            max_limit: 100,
            has_all_role: true,
            all_refusal: AllRefusal::default(),
            zone_suffix: ZoneSuffix::default(),
            filter: Filter::default(),
            filter_rounding: FilterRounding::default(),
            order: Order::default(),
            entry_edit_bumps: false,
            shuffle_keys: false,
            extra_fields: false,
            deprecation_warning: false,
            correlation_header_case: HeaderCase::default(),
            not_found: NotFound::default(),
            day_filter: Filter::Inclusive,
            digest_items: DigestItems::default(),
            is_deleted: IsDeleted::default(),
            request_last_modified: false,
            list_links: false,
            hub_filter_nulls: true,
            hub_parameters: Vec::new(),
            authorize_error: None,
            refuse_ids: Vec::new(),
            receiver_status: None,
            receiver_down: false,
            sink_status: None,
            require_signature: false,
        }
    }
}

impl Knobs {
    /// These knobs with the fields of a JSON object laid over them; the error says which one is wrong.
    pub fn merged(&self, changes: &Value) -> Result<Knobs, String> {
        let changes = changes
            .as_object()
            .ok_or("knobs must be a JSON object of knob names and values")?;
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let Some(fields) = all.as_object_mut() {
            fields.extend(changes.clone());
        }
        let knobs: Knobs = serde_json::from_value(all).map_err(|error| format!("knobs: {error}"))?;
        knobs.check()?;
        Ok(knobs)
    }

    fn check(&self) -> Result<(), String> {
        for (name, status) in [
            ("receiverStatus", self.receiver_status.unwrap_or(200)),
            ("sinkStatus", self.sink_status.unwrap_or(200)),
            ("badRefreshStatus", self.bad_refresh_status),
        ] {
            if !(200..=599).contains(&status) {
                return Err(format!(
                    "knobs: {name} is {status}, give a status from 200 to 599"
                ));
            }
        }
        if self.default_limit == 0 || self.max_limit == 0 {
            return Err("knobs: defaultLimit and maxLimit must be at least 1".into());
        }
        jiff::tz::TimeZone::get(&self.zone).map(|_| ()).map_err(|_| {
            format!(
                "knobs: zone {:?} is unknown, give an IANA name such as UTC",
                self.zone
            )
        })
    }

    pub(crate) fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}
