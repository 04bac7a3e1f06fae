//! Searches what a run shows for every secret of the run, so that no test has to think of it.
//!
//! Two kinds are searched for: the well-known credentials of the tests, and whatever the sandbox issued, by its mark.
//! Lines of the log, panics, headers of requests and the output of processes are searched as they come about; each
//! fixture searches what it holds when it ends. A leak fails the test that shows it.

use std::fmt::{self, Write as _};
use std::sync::{LazyLock, Mutex, Once, PoisonError};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use concur_sandbox::{ACCESS_TOKEN_MARK, ISSUED_MARK};
use pollinator::telemetry::may_be_printed;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// Key of the callback signature in every test.
pub const SIGNATURE_KEY: &str = "sandbox-signature-key";

/// The credentials that tests configure. A test with one of its own adds it here.
const WELL_KNOWN: [&str; 16] = [
    "sandbox-secret",
    "sandbox-refresh-token",
    "sandbox-request-token",
    "sandbox-password",
    "sandbox-code",
    "User sandbox-user, Organization sandbox-organization",
    SIGNATURE_KEY,
    "the-signature-key",
    "basic-password",
    "callback-header-value",
    "hunter2hunter2",
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "whsec_b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI=",
    "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
];

struct Needles {
    finder: AhoCorasick,
    /// Which secret each pattern is a form of.
    names: Vec<String>,
}

static NEEDLES: LazyLock<Needles> = LazyLock::new(|| {
    let mut secrets: Vec<(String, &str)> = WELL_KNOWN
        .iter()
        .enumerate()
        // The name of a leak is printed, and must be none itself.
        .map(|(number, secret)| (format!("well-known secret {number}"), *secret))
        .collect();
    secrets.push(("a refresh token or code that was issued".into(), ISSUED_MARK));
    secrets.push(("an access token that was issued".into(), ACCESS_TOKEN_MARK));
    let (mut patterns, mut names) = (Vec::new(), Vec::new());
    for (name, secret) in secrets {
        for (form, text) in forms(secret) {
            patterns.push(text);
            names.push(format!("{name}, {form}"));
        }
    }
    Needles {
        finder: AhoCorasick::new(patterns).unwrap(),
        names,
    }
});

/// A secret as it may stand in a text.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let mut forms = vec![("as it is", secret.to_owned())];
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let spaces = secret.replace(' ', "%20");
    for (form, text) in [
        ("form-encoded", percent),
        ("percent-encoded", spaces),
        ("in JSON", json),
    ] {
        if !forms.iter().any(|(_, known)| *known == text) {
            forms.push((form, text));
        }
    }
    // Wherever in a base64 text it begins; the characters that its neighbours decide too are left out.
    for before in 0..3 {
        let padded = [vec![0; before], secret.as_bytes().to_vec()].concat();
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let text = text[first..last].to_owned();
            if text.len() >= 8 && !forms.iter().any(|(_, known)| *known == text) {
                forms.push(("in base64", text));
            }
        }
    }
    forms
}

/// The first secret in a text: which, and what is around it, the secret itself left out.
pub fn found_in(text: &str) -> Option<String> {
    let needles = &*NEEDLES;
    let found = needles.finder.find(text)?;
    let before: String = text[..found.start()].chars().rev().take(200).collect();
    let before: String = before.chars().rev().collect();
    Some(format!("{} after …{before}", needles.names[found.pattern()]))
}

/// Panics where a text has a secret in it.
pub fn assert_none_in(place: &str, text: &str) {
    if let Some(found) = found_in(text) {
        panic!("{place} shows {found}");
    }
}

/// What was found where no panic could be raised.
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Searches a text; a secret in it fails the test whose fixture ends next, and is told by the thread it came from.
pub fn search(place: &str, text: &str) {
    if let Some(found) = found_in(text) {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("a thread without a name");
        let leak = format!("{place}, on {thread}, shows {found}");
        LEAKS.lock().unwrap_or_else(PoisonError::into_inner).push(leak);
    }
}

/// Part of every fixture: from the first on everything is searched, and a leak found so far fails the test at its end.
pub struct Watch(());

impl Watch {
    pub fn new() -> Watch {
        static BEGIN: Once = Once::new();
        BEGIN.call_once(|| {
            let searched = Searched(search).with_filter(FilterFn::new(may_be_printed));
            let subscriber = tracing_subscriber::registry().with(searched);
            tracing::subscriber::set_global_default(subscriber).unwrap();
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                search("a panic", &panic.to_string());
                usual(panic);
            }));
        });
        Watch(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let leaks = std::mem::take(&mut *LEAKS.lock().unwrap_or_else(PoisonError::into_inner));
        if !leaks.is_empty() && !std::thread::panicking() {
            panic!("secrets were shown:\n{}", leaks.join("\n"));
        }
    }
}

/// Hands every line that could be printed, at any level, to a search.
struct Searched<F>(F);

impl<F, S> Layer<S> for Searched<F>
where
    F: Fn(&str, &str) + 'static,
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0(&format!("the log of {}", event.metadata().target()), &line.0);
    }

    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut line = Line::default();
        span.record(&mut line);
        self.0(&format!("a span of {}", span.metadata().target()), &line.0);
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        values.record(&mut line);
        self.0("a span", &line.0);
    }
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, "{field}={value} ").unwrap();
    }
}

mod tests {
    use std::sync::{Arc, Mutex};

    use k8s_openapi::api::core::v1::Secret;
    use kube::Api;
    use tracing::Metadata;

    use super::*;

    #[test]
    fn a_planted_secret_is_found_in_every_form() {
        let issued = format!("{ISSUED_MARK}-0000-4000-8000-000000000000");
        let base64 = |prefix: &str| STANDARD_NO_PAD.encode(format!("{prefix}sandbox-refresh-token and more"));
        for text in [
            "sandbox-secret".to_owned(),
            format!("Bearer {ACCESS_TOKEN_MARK}.x.sandbox"),
            format!("refresh_token={issued}"),
            base64(""),
            base64("a"),
            base64("ab"),
            base64("abc"),
            URL_SAFE_NO_PAD.encode(format!("user:{SIGNATURE_KEY}")),
            "Authorization=User+sandbox-user%2C+Organization+sandbox-organization%2C".to_owned(),
            "Authorization=User%20sandbox-user,%20Organization%20sandbox-organization".to_owned(),
        ] {
            let found = found_in(&format!("a line with {text} in it")).unwrap_or_else(|| panic!("{text}"));
            assert!(found.contains("after …a line with "), "{found}");
            assert_eq!(found_in(&found), None, "the finding repeats it");
        }
        for text in [
            "",
            "sandbox-client",
            "secret concur-credentials",
            "sandbox-refresh",
            "Authorization: Sensitive",
        ] {
            assert_eq!(found_in(text), None);
        }
    }

    type Found = Arc<Mutex<Vec<String>>>;

    fn searching(found: &Found) -> impl Fn(&str, &str) + 'static {
        let found = found.clone();
        move |place: &str, text: &str| {
            if found_in(text).is_some() {
                found.lock().unwrap().push(place.to_owned());
            }
        }
    }

    #[test]
    fn a_planted_secret_is_found_in_lines_and_spans_of_any_level() {
        let found = Found::default();
        let searched = Searched(searching(&found)).with_filter(FilterFn::new(may_be_printed));
        let subscriber = tracing_subscriber::registry().with(searched);
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "pollinator::test", token = "sandbox-secret", "a line");
            tracing::debug!(target: "pollinator::test", "a line with sandbox-secret");
            let span = tracing::trace_span!(target: "pollinator::test", "a span", token = "sandbox-secret", late = tracing::field::Empty);
            span.record("late", "sandbox-secret");
            tracing::info!(target: "pollinator::test", "nothing in it");
        });
        let expected = [
            "the log of pollinator::test",
            "the log of pollinator::test",
            "a span of pollinator::test",
            "a span",
        ];
        assert_eq!(*found.lock().unwrap(), expected);
    }

    /// The Kubernetes client prints an answer that it cannot read, at the level of a warning.
    #[tokio::test]
    async fn a_secret_that_the_kubernetes_client_cannot_read_is_not_printed() {
        let answer = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "c2FuZGJveC1zZWNyZXQ"#;
        for everything in [true, false] {
            let found = Found::default();
            let filter = FilterFn::new(move |metadata: &Metadata<'_>| everything || may_be_printed(metadata));
            let searched = Searched(searching(&found)).with_filter(filter);
            let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(searched));
            let service = tower::service_fn(move |_: http::Request<kube::client::Body>| async move {
                Ok::<_, std::io::Error>(http::Response::new(kube::client::Body::from(
                    answer.as_bytes().to_vec(),
                )))
            });
            let secrets: Api<Secret> = Api::namespaced(kube::Client::new(service, "default"), "default");
            let error = secrets.get("x").await.unwrap_err();
            assert_none_in("the error", &format!("{error} {error:?}"));
            assert_eq!(!found.lock().unwrap().is_empty(), everything);
        }
    }
}
