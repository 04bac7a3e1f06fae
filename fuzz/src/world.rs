//! An engine whose source answers what it is told to, in paused time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use pollinator::config::Settings;
use pollinator::deliver::NotificationIds;
use pollinator::element::Tokens;
use pollinator::engine::{Callbacks, Clock, Engine, Instance, InstanceMemory, Which};
use pollinator::http::{Answer, BoxFuture, HttpError, Limits, Transport};
use pollinator::poll::{Checkpoint, Encoded};
use pollinator::store::{CheckpointStore, Owner, Revision, StoreError, TokenRecord, TokenStore};

pub(crate) const API_HOST: &str = "api.fuzz.test";
pub(crate) const TOKEN_HOST: &str = "token.fuzz.test";
pub(crate) const CALLBACK_HOST: &str = "callback.fuzz.test";
pub(crate) const CLIENT_SECRET: &str = "client-secret-of-the-fuzzer";
pub(crate) const REFRESH_TOKEN: &str = "refresh-token-of-the-fuzzer";
pub(crate) const SIGNATURE_KEY: &str = "signature-key-of-the-fuzzer";

/// What a good token endpoint answers.
const GRANTED: &str =
    r#"{"access_token": "granted", "refresh_token": "refresh-token-of-the-fuzzer", "expires_in": 3600}"#;

/// Polls twice; nothing that is told of it holds a secret.
pub(crate) fn poll(settings: Settings, tokens: Vec<Answer>, pages: Vec<Answer>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let told = runtime.block_on(polls(settings, tokens, pages));
    for secret in [CLIENT_SECRET, REFRESH_TOKEN, SIGNATURE_KEY] {
        assert!(!told.contains(secret), "{told}");
    }
}

async fn polls(settings: Settings, tokens: Vec<Answer>, pages: Vec<Answer>) -> String {
    let clock = Clock::starting_at("2026-11-23T12:00:00Z".parse().unwrap());
    let store = Arc::new(Store::default());
    let transport = Arc::new(Source {
        tokens: Mutex::new(tokens.into()),
        pages: Mutex::new(pages.into()),
    });
    let engine = Engine::new(
        store.clone(),
        transport.clone(),
        Arc::new(Tokens::new(transport.clone(), store)),
        Arc::new(Callbacks::new(transport, clock)),
        clock,
        "fuzz".into(),
    );
    let owner = Owner {
        namespace: "finance".into(),
        name: "concur".into(),
        uid: "uid-1".into(),
    };
    let instance = Instance {
        ids: NotificationIds::new(&owner.uid, &owner.namespace),
        owner,
        settings: Arc::new(settings),
        reset_to: None,
        skip: None,
    };
    let mut memory = InstanceMemory::default();
    let mut told = String::new();
    for _ in 0..2 {
        let run = engine.run(&instance, &mut memory, Which::All, &|| true).await;
        for report in &run.polled {
            told.push_str(&format!("{report:?}"));
        }
    }
    told
}

/// Answers in order, then well; only the instance's own hosts may be asked.
struct Source {
    tokens: Mutex<VecDeque<Answer>>,
    pages: Mutex<VecDeque<Answer>>,
}

impl Transport for Source {
    fn send(&self, request: Request<Bytes>, _: Limits) -> BoxFuture<'_, Result<Answer, HttpError>> {
        let next = |answers: &Mutex<VecDeque<Answer>>| answers.lock().unwrap().pop_front();
        let host = request.uri().host().unwrap_or_default();
        let answer = match host {
            TOKEN_HOST => {
                next(&self.tokens).unwrap_or_else(|| Response::new(Bytes::from_static(GRANTED.as_bytes())))
            }
            API_HOST => next(&self.pages).unwrap_or_else(|| {
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = StatusCode::NOT_FOUND;
                answer
            }),
            CALLBACK_HOST => {
                let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
                assert!(body["message"]["events"].is_array(), "{body}");
                Response::new(Bytes::new())
            }
            // What a token answer names as the user's place may be any of the vendor's hosts.
            host if host.ends_with(".concursolutions.com") || host.ends_with(".concurcdc.cn") => {
                Response::new(Bytes::from_static(GRANTED.as_bytes()))
            }
            host => panic!("{host} was asked"),
        };
        Box::pin(async move { Ok(answer) })
    }
}

#[derive(Default)]
struct Store {
    checkpoints: Mutex<HashMap<String, Encoded>>,
    token: Mutex<Option<TokenRecord>>,
}

impl CheckpointStore for Store {
    async fn load(&self, _: &Owner, resource: &str) -> Result<Option<(Checkpoint, Revision)>, StoreError> {
        let stored = self.checkpoints.lock().unwrap();
        let found = stored
            .get(resource)
            .map(|encoded| Checkpoint::decode(encoded).unwrap());
        Ok(found.map(|checkpoint| (checkpoint, Some("1".into()))))
    }

    async fn save(
        &self,
        _: &Owner,
        resource: &str,
        checkpoint: &Checkpoint,
        _: &Revision,
    ) -> Result<Revision, StoreError> {
        let mut stored = self.checkpoints.lock().unwrap();
        stored.insert(resource.to_owned(), checkpoint.encode().unwrap());
        Ok(Some("1".into()))
    }
}

impl TokenStore for Store {
    fn load<'a>(
        &'a self,
        _: &'a Owner,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<(TokenRecord, Revision)>, StoreError>> {
        let found = self.token.lock().unwrap().clone();
        Box::pin(async move { Ok(found.map(|record| (record, Some("1".into())))) })
    }

    fn save<'a>(
        &'a self,
        _: &'a Owner,
        _: &'a str,
        record: &'a TokenRecord,
        _: &'a Revision,
    ) -> BoxFuture<'a, Result<Revision, StoreError>> {
        *self.token.lock().unwrap() = Some(record.clone());
        Box::pin(async { Ok(Some("1".into())) })
    }
}
