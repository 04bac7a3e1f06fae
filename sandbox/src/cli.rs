//! The command line of the `concur-sandbox` process.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;

use clap::{Parser, ValueEnum};
use concur_sandbox::{Knobs, Options, Sandbox};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// Pretends to be SAP Concur, for trying out and testing programs that poll it.
///
/// Five servers run in one process: the OAuth token endpoint, the API (expense reports, invoices, travel
/// requests and more), the hub dialect of Cloud Elements and SAP Open Connectors, a receiver for callbacks, and
/// a control API with which you make, edit and delete records and order faults. All data is made up and lives
/// in memory.
///
/// Try: curl -d '{"command":"seed","count":3}' http://127.0.0.1:8404/control
///
/// When all five listen, one line of JSON with their base URLs is printed on standard output; the log goes to
/// standard error (RUST_LOG sets its level). SIGTERM or Ctrl-C ends the process with status 0.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
pub(crate) struct Cli {
    /// Address of the token endpoint (POST /oauth2/v0/token, GET /oauth2/v0/authorize); port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8401")]
    token_listen: SocketAddr,
    /// Address of the API (GET /api/v3.0/expense/reports and others), printed as geolocation in token answers
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8402")]
    api_listen: SocketAddr,
    /// Address of the callback receiver (POST /callback)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8403")]
    receiver_listen: SocketAddr,
    /// Address of the control API (POST /control, GET /control/{log,received,state,history}, GET /healthz)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8404")]
    control_listen: SocketAddr,
    /// Address of the hub (GET /elements/api-v2/hubs/expense/reports and others)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    hub_listen: SocketAddr,
    /// Base URL to print as geolocation in token answers instead of the API's address
    #[arg(long, value_name = "URL")]
    geolocation: Option<String>,
    /// OAuth client id to accept [default: sandbox-client]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// OAuth client secret to accept [default: sandbox-secret]
    #[arg(long, value_name = "SECRET")]
    client_secret: Option<String>,
    /// Refresh token to accept [default: sandbox-refresh-token]
    #[arg(long, value_name = "TOKEN")]
    refresh_token: Option<String>,
    /// Company UUID to accept as username of the authtoken grant
    #[arg(long, value_name = "UUID")]
    company_uuid: Option<String>,
    /// Company request token to accept as password of the authtoken grant [default: sandbox-request-token]
    #[arg(long, value_name = "TOKEN")]
    request_token: Option<String>,
    /// Authorization header that the hub accepts [default: User sandbox-user, Organization sandbox-organization,
    /// Element sandbox-element]
    #[arg(long, value_name = "HEADER")]
    hub_authorization: Option<String>,
    /// Key with which the receiver checks Elements-Webhook-Signature; without it nothing is checked
    #[arg(long, value_name = "KEY")]
    signature_key: Option<String>,
    /// Knobs to start with, such as '{"order":"random","maxLimit":50}'; README.md lists them
    #[arg(long, value_name = "JSON")]
    knobs: Option<String>,
    /// Format of the log on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Starts the log on standard error.
fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Runs until a signal ends the process; the error is a sentence for people.
pub(crate) async fn run(cli: Cli) -> Result<(), String> {
    start_log(cli.log_format);
    let ended = ended()?;
    let token = listen("--token-listen", cli.token_listen).await?;
    let api = listen("--api-listen", cli.api_listen).await?;
    let receiver = listen("--receiver-listen", cli.receiver_listen).await?;
    let control = listen("--control-listen", cli.control_listen).await?;
    let hub = listen("--hub-listen", cli.hub_listen).await?;

    let geolocation = cli.geolocation.clone();
    let sandbox = Sandbox::new(options(cli)?);
    sandbox.set_geolocation(geolocation.unwrap_or(url("--api-listen", &api)?));
    let ready = json!({
        "token": url("--token-listen", &token)?,
        "api": url("--api-listen", &api)?,
        "receiver": url("--receiver-listen", &receiver)?,
        "control": url("--control-listen", &control)?,
        "hub": url("--hub-listen", &hub)?,
    });
    print_line(&ready)?;
    tracing::info!(addresses = %ready, "sandbox is ready");
    tokio::select! {
        never = sandbox.serve(token, sandbox.token_router()) => match never {},
        never = sandbox.serve(api, sandbox.api_router()) => match never {},
        never = sandbox.serve(receiver, sandbox.receiver_router()) => match never {},
        never = sandbox.serve(control, sandbox.control_router()) => match never {},
        never = sandbox.serve(hub, sandbox.hub_router()) => match never {},
        () = ended => {
            tracing::info!("sandbox ends");
            Ok(())
        }
    }
}

fn print_line(line: &Value) -> Result<(), String> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("standard output: {error}"))
}

async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("{flag}: cannot listen on {address}: {error}; give another address or port 0")
    })
}

fn url(flag: &str, listener: &TcpListener) -> Result<String, String> {
    let address = listener
        .local_addr()
        .map_err(|error| format!("{flag}: {error}"))?;
    Ok(format!("http://{address}"))
}

fn options(cli: Cli) -> Result<Options, String> {
    let default = Options::default();
    let knobs = match cli.knobs {
        Some(text) => {
            let changes: Value =
                serde_json::from_str(&text).map_err(|error| format!("--knobs: not JSON: {error}"))?;
            Knobs::default()
                .merged(&changes)
                .map_err(|error| format!("--knobs: {error}"))?
        }
        None => Knobs::default(),
    };
    Ok(Options {
        knobs,
        client_id: cli.client_id.unwrap_or(default.client_id),
        client_secret: cli.client_secret.unwrap_or(default.client_secret),
        refresh_token: cli.refresh_token.unwrap_or(default.refresh_token),
        company_uuid: cli.company_uuid.unwrap_or(default.company_uuid),
        hub_authorization: cli.hub_authorization.unwrap_or(default.hub_authorization),
        request_token: cli.request_token.unwrap_or(default.request_token),
        signature_key: cli.signature_key,
        ..Options::default()
    })
}

/// Installs the signal handlers at once, so that no signal is missed; the future ends with the first one.
fn ended() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let install = |kind| signal(kind).map_err(|error| format!("cannot handle signals: {error}"));
    let mut terminate = install(SignalKind::terminate())?;
    let mut interrupt = install(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
