//! A vendor of very many small reports and a receiver that counts, both as fast as a test needs them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use concur_sandbox::Sandbox;
use http::{Request, Response, header};
use serde_json::json;

use super::transport::API_HOST;

/// Reports of a page.
const PAGE: usize = 5_000;

/// Clones share everything.
#[derive(Clone)]
pub struct Bulk(Arc<Shared>);

struct Shared {
    sandbox: Sandbox,
    /// Date and JSON text of each report.
    reports: Mutex<Vec<(String, String)>>,
    pages: AtomicUsize,
    /// How often each event was accepted, by its id.
    told: Mutex<HashMap<String, usize>>,
}

impl Bulk {
    /// A vendor without reports, whose clock is the sandbox's.
    pub fn new(sandbox: &Sandbox) -> Bulk {
        Bulk(Arc::new(Shared {
            sandbox: sandbox.clone(),
            reports: Mutex::default(),
            pages: AtomicUsize::new(0),
            told: Mutex::default(),
        }))
    }

    /// One more report, made and changed at `date`.
    pub fn add(&self, id: &str, date: &str) {
        let report = json!({"ID": id, "LastModifiedDate": date, "CreateDate": date});
        let mut reports = self.0.reports.lock().unwrap();
        reports.push((date.to_owned(), report.to_string()));
    }

    /// Lists the reports later than `modifiedDateAfter`, in the order in which they were added.
    pub fn api(&self) -> Router {
        let shared = self.0.clone();
        Router::new().fallback(move |request: Request<Body>| {
            let answer = shared.page(&request);
            async move { answer }
        })
    }

    /// Accepts everything.
    pub fn receiver(&self) -> Router {
        let shared = self.0.clone();
        Router::new().fallback(move |request: Request<Body>| {
            let ids = request.headers()["pollinator-event-ids"].to_str().unwrap();
            let mut told = shared.told.lock().unwrap();
            for id in ids.split(',') {
                *told.entry(id.to_owned()).or_default() += 1;
            }
            async {}
        })
    }

    /// Different events accepted so far.
    pub fn events(&self) -> usize {
        self.0.told.lock().unwrap().len()
    }

    /// Events accepted that had been accepted before.
    pub fn repeats(&self) -> usize {
        let told = self.0.told.lock().unwrap();
        told.values().sum::<usize>() - told.len()
    }

    /// Pages asked for so far.
    pub fn pages(&self) -> usize {
        self.0.pages.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn page(&self, request: &Request<Body>) -> Response<Body> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let target = request.uri().path_and_query().unwrap();
        let url = url::Url::parse(&format!("http://{API_HOST}{target}")).unwrap();
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let offset: usize = query.get("offset").map_or(0, |text| text.parse().unwrap());
        let after = query.get("modifiedDateAfter").cloned().unwrap_or_default();
        let reports = self.reports.lock().unwrap();
        let listed: Vec<&str> = reports
            .iter()
            .filter(|(date, _)| *date > after)
            .map(|(_, report)| report.as_str())
            .collect();
        let end = (offset + PAGE).min(listed.len());
        let next = if end < listed.len() {
            let mut url = url.clone();
            let pairs: Vec<_> = query.iter().filter(|(name, _)| *name != "offset").collect();
            url.query_pairs_mut()
                .clear()
                .extend_pairs(pairs)
                .append_pair("offset", &end.to_string());
            json!(url)
        } else {
            json!(null)
        };
        let body = format!(
            r#"{{"Items":[{}],"NextPage":{next}}}"#,
            listed[offset.min(end)..end].join(",")
        );
        let now = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.sandbox.now())
            .unwrap();
        Response::builder()
            .header(header::DATE, now)
            .body(Body::from(body))
            .unwrap()
    }
}
