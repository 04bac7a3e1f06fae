//! What a first authorization needs of a spec: the OAuth app, not how to poll or where to deliver.

use secrecy::SecretString;
use url::Url;

use super::keys::Keys;
use super::values::cut;
use super::{Findings, Secrets, access, poller};
use crate::api::PollingInstanceSpec;
use crate::config::{Catalogue, Grant, Problem, ResourceSettings};

/// The OAuth app of an instance that may have no access yet.
#[derive(Clone, Debug)]
pub struct OAuthApp {
    /// Key of the element, for example `concur`.
    pub element: String,
    /// `oauth.api.key`.
    pub client_id: String,
    /// `oauth.api.secret`.
    pub client_secret: SecretString,
    /// `oauth.callback.url`, letter by letter: the vendor compares it so.
    pub redirect_uri: Option<String>,
    /// `oauth.scope`; empty where absent.
    pub scopes: Vec<String>,
    /// `oauth.authorization.url`.
    pub authorization_url: Option<Url>,
    /// `oauth.token.url`.
    pub token_url: Option<Url>,
    /// `base.url`.
    pub base_url: Option<Url>,
    /// `oauth.username` and `oauth.password`, with which no user needs to be asked.
    pub password: Option<Grant>,
    /// What is to be polled, or what is wrong with it; only the scopes depend on it.
    pub resources: Result<Vec<ResourceSettings>, Vec<Problem>>,
}

/// Reads the OAuth app, or all problems with it; what else is missing or wrong in the spec does not matter here.
pub fn read_app(
    spec: &PollingInstanceSpec,
    secrets: &Secrets,
    catalogue: &Catalogue,
) -> Result<OAuthApp, Vec<Problem>> {
    let mut findings = Findings::default();
    let element = catalogue.get(spec.element.key.trim());
    let keys = Keys::merge(spec, secrets, element, &mut findings);
    let mut poller = Findings::default();
    let resources = poller::resources(&keys, element, &mut poller);
    let app = app(spec, &keys, resources.ok_or(poller.problems), &mut findings);
    app.filter(|_| findings.problems.is_empty())
        .ok_or(findings.problems)
}

/// None only after a problem was noted.
fn app(
    spec: &PollingInstanceSpec,
    keys: &Keys,
    resources: Result<Vec<ResourceSettings>, Vec<Problem>>,
    findings: &mut Findings,
) -> Option<OAuthApp> {
    let (client_id, client_secret) = access::client(keys, findings);
    let credtype = access::credtype(keys, findings);
    Some(OAuthApp {
        element: spec.element.key.trim().to_owned(),
        redirect_uri: keys.text("oauth.callback.url", findings),
        scopes: scopes(keys, findings),
        authorization_url: access::web_url(keys, "oauth.authorization.url", findings),
        token_url: access::web_url(keys, "oauth.token.url", findings),
        base_url: access::base_url(keys, findings),
        password: access::password(keys, credtype, findings),
        resources,
        client_id: client_id?,
        client_secret: client_secret?,
    })
}

pub(super) fn scopes(keys: &Keys, findings: &mut Findings) -> Vec<String> {
    let key = "oauth.scope";
    let text = keys.text(key, findings).unwrap_or_default();
    match split_scopes(&text) {
        Ok(scopes) => scopes,
        Err(scope) => {
            findings.problem(
                keys.path(key),
                format!("{:?} cannot be a scope", cut(&scope)),
                "write the names of the scopes, separated by blanks or commas",
            );
            Vec::new()
        }
    }
}

/// The scopes in a text that separates them by blanks or commas; the error is what can be none (RFC 6749, 3.3).
pub fn split_scopes(text: &str) -> Result<Vec<String>, String> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in text.split(|c: char| c.is_whitespace() || c == ',') {
        if !scope
            .bytes()
            .all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        {
            return Err(scope.to_owned());
        }
        if !scope.is_empty() && !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::SecretSlice;
    use serde_json::{Value, json};

    use super::*;

    fn read(configuration: Value) -> Result<OAuthApp, String> {
        let spec = json!({"element": {"key": " concur "}, "configuration": configuration});
        let text = SecretSlice::from(b"s3cr3t".to_vec());
        let secrets = Secrets {
            values: vec![(
                "app".into(),
                BTreeMap::from([("oauth.api.secret".to_owned(), text)]),
            )],
            ..Secrets::default()
        };
        read_app(
            &serde_json::from_value(spec).unwrap(),
            &secrets,
            &Catalogue::default(),
        )
        .map_err(|problems| {
            let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
            shown.join("\n")
        })
    }

    #[test]
    fn an_app_needs_no_more_than_its_key_and_secret() {
        let app = read(json!({"oauth.api.key": "k", "event.vendor.type": "webhook"})).unwrap();
        assert_eq!((app.element.as_str(), app.client_id.as_str()), ("concur", "k"));
        assert!(app.resources.is_err() && app.password.is_none() && app.scopes.is_empty());
        assert!(!format!("{app:?}").contains("s3cr3t"));

        let masked = json!({"oauth.api.key": "k", "oauth.user.refresh_token": "********"});
        assert!(read(masked).is_ok(), "a refresh token is what will be asked for");
    }

    #[test]
    fn problems_say_where_and_what_to_do() {
        let table = [
            (json!({}), "oauth.api.key", "the OAuth client id is missing"),
            (
                json!({"oauth.scope": "EXPRPT \"x"}),
                "oauth.scope",
                "cannot be a scope",
            ),
            (
                json!({"oauth.authorization.url": "ftp://x"}),
                "oauth.authorization.url",
                "neither http nor https",
            ),
            (
                json!({"oauth.username": "u"}),
                "oauth.password",
                "is missing beside",
            ),
            (
                json!({"oauth.username": "u", "oauth.password": "****"}),
                "oauth.password",
                "is the mask",
            ),
            (
                json!({"oauth.credtype": "otp"}),
                "oauth.credtype",
                "authtoken or password",
            ),
        ];
        for (mut configuration, key, words) in table {
            if !words.contains("client id") {
                configuration["oauth.api.key"] = json!("k");
            }
            let shown = read(configuration).unwrap_err();
            assert_eq!(shown.lines().count(), 1, "{shown}");
            assert!(
                shown.starts_with(&format!("spec.configuration[{key:?}]")) && shown.contains(words),
                "{shown}"
            );
        }
    }

    #[test]
    fn scopes_are_separated_by_blanks_or_commas() {
        let table: [(&str, &[&str]); 4] = [
            ("", &[]),
            (" , ", &[]),
            (
                "EXPRPT,LIST  CONFIG, EXPRPT\nidentity.user.*.read",
                &["EXPRPT", "LIST", "CONFIG", "identity.user.*.read"],
            ),
            ("openid", &["openid"]),
        ];
        for (text, expected) in table {
            assert_eq!(split_scopes(text).unwrap(), expected, "{text:?}");
        }
        for text in ["a\"b", "a\\b", "é", "a\u{0}"] {
            assert!(split_scopes(text).is_err(), "{text:?}");
        }
    }
}
