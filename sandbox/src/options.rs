//! What a sandbox starts with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::knobs::Knobs;

/// Start values of a sandbox; the default has made-up credentials that tests can use as they are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    /// Knobs at the start.
    pub knobs: Knobs,
    /// OAuth client id that the token endpoint knows.
    pub client_id: String,
    /// OAuth client secret of that client.
    pub client_secret: String,
    /// Refresh token that is valid at the start.
    pub refresh_token: String,
    /// Company UUID: the username of the `authtoken` grant.
    pub company_uuid: String,
    /// Company request token: the password of the `authtoken` grant, valid for 24 hours from the start.
    pub request_token: String,
    /// Login id of the token owner; reports without another owner are this user's.
    pub owner_login: String,
    /// Password of the owner, for the `password` grant.
    pub owner_password: String,
    /// Code that the `authorization_code` grant accepts once.
    pub authorization_code: String,
    /// One-time password that the `otp` grant accepts.
    pub one_time_password: String,
    /// Space-separated scopes granted to the client.
    pub scope: String,
    /// Base URL of the API that token answers print.
    pub geolocation: String,
    /// The Authorization header that the hub accepts: `User …, Organization …, Element …`.
    pub hub_authorization: String,
    /// Key of the callback signature (HMAC-SHA256); without it signatures are not checked.
    pub signature_key: Option<String>,
    /// The vendor's clock at the start; the system's time if not given.
    pub start: Option<Timestamp>,
    /// Seed of ids and shuffles.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            knobs: Knobs::default(),
            client_id: "sandbox-client".into(),
            client_secret: "sandbox-secret".into(),
            refresh_token: "sandbox-refresh-token".into(),
            company_uuid: "6f0c1b7e-52a4-4d0e-9a3b-0f1d7c5e8a21".into(),
            request_token: "sandbox-request-token".into(),
            owner_login: "owner@sandbox.example".into(),
            owner_password: "sandbox-password".into(),
            authorization_code: "sandbox-code".into(),
            one_time_password: "sandbox-otp".into(),
            scope: "EXPRPT CONFIG LIST INVPMT travelrequest.write identity.user.core.read".into(),
            geolocation: "https://us.api.concursolutions.example".into(),
            hub_authorization:
                "User sandbox-user, Organization sandbox-organization, Element sandbox-element".into(),
            signature_key: None,
            start: None,
            seed: 1,
        }
    }
}
