//! The log of requests to the vendor; it holds no secret.

use axum::http::header;
use jiff::Timestamp;
use serde::Serialize;

use crate::asked::Asked;
use crate::fault::Target;
use crate::form;

/// One request to the vendor.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Logged {
    /// Vendor's clock at arrival.
    pub at: Timestamp,
    /// Endpoint.
    pub target: Target,
    /// HTTP method.
    pub method: String,
    /// Host asked, in lower case.
    pub host: Option<String>,
    /// Path.
    pub path: String,
    /// Query string as it came; at the OAuth endpoints only the parameters' names.
    pub query: String,
    /// Status answered; 0 during a `hang` and if the connection was dropped.
    pub status: u16,
    /// Header `User-Agent`.
    pub user_agent: Option<String>,
    /// Scheme of the Authorization header, without the token.
    pub authorization: Option<String>,
    /// `grant_type` of a token request.
    pub grant_type: Option<String>,
    /// Kind of the fault that the request met.
    pub fault: Option<String>,
    #[serde(skip)]
    pub(crate) number: u64,
}

impl Logged {
    pub(crate) fn new(number: u64, at: Timestamp, target: Target, asked: &Asked) -> Logged {
        let token = matches!(target, Target::Token | Target::Authorize);
        let query = if token {
            names(&asked.query)
        } else {
            asked.query.clone()
        };
        let grant_type = if token {
            let form = form::pairs(&String::from_utf8_lossy(&asked.body));
            form::value(&form, "grant_type").map(str::to_owned)
        } else {
            None
        };
        Logged {
            at,
            target,
            method: asked.method.to_string(),
            host: asked.host.clone(),
            path: asked.path.clone(),
            query,
            status: 0,
            user_agent: asked.header(&header::USER_AGENT).map(str::to_owned),
            authorization: scheme(asked),
            grant_type,
            fault: None,
            number,
        }
    }
}

/// A header without a scheme is a bare token, which must not be logged.
fn scheme(asked: &Asked) -> Option<String> {
    let (scheme, token) = asked.authorization()?;
    Some(if token.is_empty() {
        "none".to_owned()
    } else {
        scheme.to_owned()
    })
}

fn names(query: &str) -> String {
    let names: Vec<String> = form::pairs(query).into_iter().map(|(name, _)| name).collect();
    names.join("&")
}
