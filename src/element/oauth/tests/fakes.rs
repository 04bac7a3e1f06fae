//! A scripted token service, a store with faults, and one instance that uses both.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use url::Url;

use crate::config::{CredType, Grant, OAuth2Credentials};
use crate::element::oauth::fingerprint::fingerprint;
use crate::element::{Access, Authentication, Login, TokenError, Tokens, builtin};
use crate::http::{Answer, BodyLimit, BoxFuture, HttpError, Limits, Transport};
use crate::store::{Owner, Revision, StoreError, TokenRecord, TokenStore};

/// Every secret the tests use has this in it.
pub(super) const SECRET: &str = "s3cr3t";

pub(super) const GLZ: &str = "https://glz.api.concursolutions.com/oauth2/v0/token";
pub(super) const US: &str = "https://us.api.concursolutions.com";

/// Answers in the order of the script, and remembers what it was asked.
#[derive(Default)]
pub(super) struct Service {
    pub(super) script: Mutex<VecDeque<Result<Answer, HttpError>>>,
    pub(super) asked: Mutex<Vec<http::Request<Bytes>>>,
    /// Where set, an answer takes one permit.
    pub(super) gate: Mutex<Option<Arc<Semaphore>>>,
}

impl Transport for Service {
    fn send(
        &self,
        request: http::Request<Bytes>,
        _limits: Limits,
    ) -> BoxFuture<'_, Result<Answer, HttpError>> {
        self.asked.lock().unwrap().push(request);
        let gate = self.gate.lock().unwrap().clone();
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.acquire().await.unwrap().forget();
            }
            self.script
                .lock()
                .unwrap()
                .pop_front()
                .expect("a token request that the script does not expect")
        })
    }
}

/// What the next write meets.
pub(super) enum Fault {
    /// Nothing is written.
    Away,
    /// It is written, but the answer says the store is away.
    LostAnswer,
    /// Another process has written this just before.
    Other(TokenRecord),
}

type Stored = HashMap<(String, String), (TokenRecord, u64, Vec<Owner>)>;

#[derive(Default)]
pub(super) struct Store {
    pub(super) records: Mutex<Stored>,
    pub(super) faults: Mutex<VecDeque<Fault>>,
    pub(super) unreadable: Mutex<bool>,
    pub(super) writes: Mutex<usize>,
}

fn away() -> StoreError {
    StoreError::Unavailable {
        what: "secret finance/token".to_owned(),
        reason: "no route".to_owned(),
    }
}

impl TokenStore for Store {
    fn load<'a>(
        &'a self,
        owner: &'a Owner,
        fingerprint: &'a str,
    ) -> BoxFuture<'a, Result<Option<(TokenRecord, Revision)>, StoreError>> {
        Box::pin(async move {
            if *self.unreadable.lock().unwrap() {
                return Err(away());
            }
            let records = self.records.lock().unwrap();
            let found = records.get(&(owner.namespace.clone(), fingerprint.to_owned()));
            Ok(found.map(|(record, revision, _)| (record.clone(), Some(revision.to_string()))))
        })
    }

    fn save<'a>(
        &'a self,
        owner: &'a Owner,
        fingerprint: &'a str,
        record: &'a TokenRecord,
        expected: &'a Revision,
    ) -> BoxFuture<'a, Result<Revision, StoreError>> {
        Box::pin(async move {
            let key = (owner.namespace.clone(), fingerprint.to_owned());
            let fault = self.faults.lock().unwrap().pop_front();
            let mut records = self.records.lock().unwrap();
            match &fault {
                Some(Fault::Away) => return Err(away()),
                Some(Fault::Other(other)) => {
                    let revision = records.get(&key).map_or(0, |(_, revision, _)| *revision) + 1;
                    records.insert(key.clone(), (other.clone(), revision, Vec::new()));
                }
                _ => {}
            }
            let found = records.get(&key).map(|(_, revision, _)| revision.to_string());
            if found != *expected {
                return Err(StoreError::Conflict {
                    what: "secret finance/token".to_owned(),
                });
            }
            let (_, revision, mut owners) = records.remove(&key).unwrap_or_default();
            owners.push(owner.clone());
            records.insert(key, (record.clone(), revision + 1, owners));
            *self.writes.lock().unwrap() += 1;
            match fault {
                Some(Fault::LostAnswer) => Err(away()),
                _ => Ok(Some((revision + 1).to_string())),
            }
        })
    }
}

pub(super) fn record(token: &str, geolocation: &str) -> TokenRecord {
    TokenRecord {
        refresh_token: Some(token.to_owned().into()),
        serial: 0,
        geolocation: (!geolocation.is_empty()).then(|| geolocation.to_owned()),
        blocked: None,
    }
}

pub(super) fn answer(status: u16, body: &str) -> Result<Answer, HttpError> {
    let answer = http::Response::builder()
        .status(status)
        .header("Date", "Tue, 03 Feb 2026 04:05:06 GMT");
    Ok(answer.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

/// A token answer in Concur's shape.
pub(super) fn granted(access: &str, refresh: &str, geolocation: &str) -> Result<Answer, HttpError> {
    answer(
        200,
        &format!(
            r#"{{"expires_in":"3600","scope":"EXPRPT","token_type":"Bearer","access_token":"{access}","refresh_token":"{refresh}","geolocation":"{geolocation}"}}"#
        ),
    )
}

pub(super) fn refused(status: u16, code: &str, text: &str) -> Result<Answer, HttpError> {
    answer(
        status,
        &format!(
            r#"{{"error":"invalid_grant","concur-correlationid":"c-1","error_description":"{text}","code":{code}}}"#
        ),
    )
}

pub(super) fn timeout() -> Result<Answer, HttpError> {
    Err(HttpError::Timeout {
        host: "glz".to_owned(),
        seconds: 60,
    })
}

/// One instance, its credentials, the service and the store.
pub(super) struct Bench {
    pub(super) service: Arc<Service>,
    pub(super) store: Arc<Store>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) owner: Owner,
    pub(super) credentials: OAuth2Credentials,
    pub(super) base_url: Option<Url>,
    pub(super) now: Timestamp,
}

impl Bench {
    /// With a configured refresh token and what the service will answer.
    pub(super) fn new(script: impl IntoIterator<Item = Result<Answer, HttpError>>) -> Self {
        let service = Arc::new(Service::default());
        service.script.lock().unwrap().extend(script);
        let store = Arc::new(Store::default());
        Self {
            tokens: Arc::new(Tokens::new(service.clone(), store.clone())),
            service,
            store,
            owner: owner("finance", "a"),
            credentials: OAuth2Credentials {
                client_id: "client".to_owned(),
                client_secret: "client-s3cr3t".to_owned().into(),
                token_url: None,
                grant: Grant::RefreshToken("configured-s3cr3t".to_owned().into()),
            },
            base_url: None,
            now: "2026-02-03T04:00:00Z".parse().unwrap(),
        }
    }

    pub(super) fn token_url(mut self, url: &str) -> Self {
        self.credentials.token_url = Some(Url::parse(url).unwrap());
        self
    }

    pub(super) fn password(mut self, credtype: CredType) -> Self {
        let password = "pass s3cr3t&=".to_owned().into();
        self.credentials.grant = Grant::Password {
            username: "uuid-1".to_owned(),
            password,
            credtype,
        };
        self
    }

    pub(super) fn stored(self, record: TokenRecord) -> Self {
        let key = (self.owner.namespace.clone(), fingerprint(&self.credentials));
        self.store
            .records
            .lock()
            .unwrap()
            .insert(key, (record, 7, Vec::new()));
        self
    }

    /// The same credentials and store after a restart of the process.
    pub(super) fn restarted(self) -> Self {
        Self {
            tokens: Arc::new(Tokens::new(self.service.clone(), self.store.clone())),
            ..self
        }
    }

    pub(super) fn expect(&self, answer: Result<Answer, HttpError>) {
        self.service.script.lock().unwrap().push_back(answer);
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.store.faults.lock().unwrap().push_back(fault);
    }

    pub(super) fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn login(&self) -> Login<'_> {
        let concur = builtin("concur").unwrap();
        let Authentication::OAuth2(oauth) = &concur.authentication else {
            panic!("concur has other authentication");
        };
        Login {
            oauth,
            correlation_header: concur.answers.correlation_header.as_deref(),
            owner: &self.owner,
            credentials: &self.credentials,
            base_url: self.base_url.as_ref(),
            limits: Limits {
                timeout: Duration::from_secs(60),
                body: BodyLimit::Refuse(1 << 20),
            },
        }
    }

    pub(super) async fn access(&self) -> Result<Access, TokenError> {
        self.tokens.access(self.login(), self.now).await
    }

    pub(super) async fn refresh(&self, stale: &Access) -> Result<Access, TokenError> {
        self.tokens.refresh(stale, self.login(), self.now).await
    }

    pub(super) async fn unblock(&self) {
        self.tokens.unblock(&self.owner, &self.credentials).await;
    }

    /// URLs that were asked, each with its form.
    pub(super) fn asked(&self) -> Vec<(String, HashMap<String, String>)> {
        let asked = self.service.asked.lock().unwrap();
        let form = |body: &Bytes| url::form_urlencoded::parse(body).into_owned().collect();
        asked
            .iter()
            .map(|request| (request.uri().to_string(), form(request.body())))
            .collect()
    }

    /// Refresh tokens that were sent.
    pub(super) fn sent(&self) -> Vec<String> {
        self.asked()
            .into_iter()
            .filter_map(|(_, mut form)| form.remove("refresh_token"))
            .collect()
    }

    pub(super) fn writes(&self) -> usize {
        *self.store.writes.lock().unwrap()
    }

    pub(super) fn record(&self) -> Option<TokenRecord> {
        let records = self.store.records.lock().unwrap();
        records
            .get(&(self.owner.namespace.clone(), fingerprint(&self.credentials)))
            .map(|found| found.0.clone())
    }

    pub(super) fn stored_token(&self) -> Option<String> {
        self.record()?
            .refresh_token
            .map(|token| token.expose_secret().to_owned())
    }
}

pub(super) fn owner(namespace: &str, name: &str) -> Owner {
    Owner {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{namespace}-{name}"),
    }
}

pub(super) fn bearer(access: &Access) -> &str {
    access.header().unwrap().1.to_str().unwrap()
}
