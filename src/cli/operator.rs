//! `pollinator operator`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args};

use super::addresses::AddressArgs;
use super::{Failed, ending, runtime};
use crate::operator::{self, Options};
use crate::telemetry::{LogFormat, Metrics, Probes, init_logs, serve};

/// Run the controller: what the container image starts.
///
/// Finds the API server through KUBECONFIG, or in the cluster. SIGTERM finishes what is under way, releases the
/// lease and exits 0.
#[derive(Args, Debug)]
pub(super) struct OperatorArgs {
    /// Watch this namespace only, and further ones where it stands again [default: all namespaces]
    #[arg(
        long = "namespace",
        env = "POLLINATOR_NAMESPACE",
        value_name = "NS",
        value_delimiter = ','
    )]
    namespaces: Vec<String>,
    #[command(flatten)]
    addresses: AddressArgs,
    /// Where /livez, /readyz and /metrics are served
    #[arg(
        long,
        env = "POLLINATOR_LISTEN",
        value_name = "ADDR",
        default_value = "0.0.0.0:8080"
    )]
    listen: SocketAddr,
    /// Hold a Lease while polling, so that of several replicas one works and the others stand by
    #[arg(long, env = "POLLINATOR_LEADER_ELECTION", value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    leader_election: bool,
    /// Namespace of the Lease [default: POD_NAMESPACE, else the client's own namespace]
    #[arg(long, env = "POLLINATOR_LEASE_NAMESPACE", value_name = "NS")]
    lease_namespace: Option<String>,
    /// Form of the log lines on standard error; RUST_LOG filters them
    #[arg(long, env = "POLLINATOR_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
}

pub(super) fn run(args: OperatorArgs) -> Result<ExitCode, Failed> {
    init_logs(args.log_format, "info");
    runtime()?.block_on(async {
        let ending = ending()?;
        let metrics = Arc::new(Metrics::default());
        let probes = Probes::default();
        let bound = |address| tracing::info!(%address, "serving /livez, /readyz and /metrics");
        let until = ending.clone().cancelled_owned();
        let server = tokio::spawn(serve(args.listen, metrics.clone(), probes.clone(), bound, until));
        let options = Options {
            namespaces: (args.namespaces.into_iter().map(|namespace| namespace.trim().to_owned()))
                .filter(|namespace| !namespace.is_empty())
                .collect(),
            allow_private: args.addresses.allow_private,
            max_requests_per_host: args.addresses.max_requests_per_host(),
            allow: args.addresses.allow,
            deny: args.addresses.deny,
            leader_election: args.leader_election,
            lease_namespace: args.lease_namespace.or_else(|| std::env::var("POD_NAMESPACE").ok()),
            identity: identity(),
        };
        tokio::select! {
            result = operator::run(options, metrics, probes, ending.clone()) => {
                result.map_err(Failed::new)?;
            }
            Ok(Err(error)) = server => {
                return Err(Failed(format!("cannot serve on {}: {error}; choose another --listen", args.listen)));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Pod or host name for humans, and a random part, since two processes of one name would both lead.
fn identity() -> String {
    let name = ["POD_NAME", "HOSTNAME"]
        .into_iter()
        .find_map(|key| std::env::var(key).ok());
    format!(
        "{}_{}",
        name.as_deref().unwrap_or("pollinator"),
        uuid::Uuid::new_v4().simple()
    )
}
