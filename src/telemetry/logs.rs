//! Log output on stderr; `RUST_LOG` filters as usual, within what may be printed at all.

use clap::ValueEnum;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For humans.
    #[default]
    Text,
}

/// Begins to log. What `RUST_LOG` does not say is logged at `default` and above.
pub fn init_logs(format: LogFormat, default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second call, as in tests, changes nothing.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(lines(format, std::io::stderr))
        .try_init();
}

/// Whether an event or span may be printed, whatever `RUST_LOG` asks for.
///
/// Libraries print what they hold: the Kubernetes client shows the whole answer where it cannot read it, and that may be
/// a Secret. Below debug none of them has promised to spare headers and bodies, so nothing of that is printed.
pub fn may_be_printed(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    if target == "pollinator" || target.starts_with("pollinator::") {
        return true;
    }
    target != "kube_client::client" && *metadata.level() <= Level::DEBUG
}

fn lines<S, W>(format: LogFormat, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.with_target(false).boxed(),
    };
    lines.with_filter(FilterFn::new(may_be_printed))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn libraries_cannot_be_asked_for_what_may_be_secret() {
        for format in [LogFormat::Json, LogFormat::Text] {
            let written = Written::default();
            let writer = {
                let written = written.clone();
                move || written.clone()
            };
            let subscriber = tracing_subscriber::registry()
                .with(EnvFilter::new("trace,kube_client::client=trace"))
                .with(lines(format, writer));
            tracing::subscriber::with_default(subscriber, || {
                tracing::warn!(target: "kube_client::client", "not shown: an answer");
                tracing::trace!(target: "hyper::proto::h1", "not shown: bytes");
                let span = tracing::trace_span!(target: "h2::frame", "not shown", headers = "not shown");
                span.in_scope(|| tracing::debug!(target: "h2::frame", "shown: a frame"));
                tracing::debug!(target: "kube_client::client::builder", "shown: a request");
                tracing::error!(target: "pollinators", "shown: an error");
                tracing::trace!(target: "pollinator::engine", "shown: a step");
                tracing::trace!(target: "pollinator_of_another", "not shown: of another");
            });
            let printed = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(!printed.contains("not shown"), "{printed}");
            assert_eq!(printed.matches("shown: ").count(), 4, "{printed}");
        }
    }
}
