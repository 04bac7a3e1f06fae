//! `pollinator authorize`: from an OAuth app to a refresh token, with a human where one is needed.

mod browser;
mod listener;
mod secret;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use self::browser::Question;
use self::listener::Plan;
use self::secret::{REFRESH_TOKEN, Target};
use super::addresses::AddressArgs;
use super::findings::failed;
use super::manifests::{FileArgs, Manifest, Manifests};
use super::output::Output;
use super::{Failed, ending, runtime};
use crate::config::{Grant, OAuth2Credentials, OAuthApp, parse_duration, split_scopes};
use crate::element::{self, Definition, FirstGrant, Login, TokenError, first_grant};
use crate::http::{BodyLimit, Limits};
use crate::telemetry::{LogFormat, init_logs};

/// What one token request may cost.
const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(60),
    body: BodyLimit::Refuse(1 << 20),
};

/// Obtain a refresh token and print the Secret that holds it.
///
/// Prints a URL for a browser and waits until the access was allowed: it receives the redirect itself if the redirect
/// URI is on this machine, and always takes the address on which the browser landed, pasted into the terminal. With
/// oauth.username and oauth.password (for SAP Concur a company UUID and its request token) no browser is needed.
/// The Secret on standard output keeps what the files hold of it; nothing in the files or in a cluster is changed.
/// Exit status: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  \
    pollinator authorize -f instance.yaml -f secret.yaml | kubectl apply -f -")]
pub(super) struct AuthorizeArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Which instance, where the files hold several
    #[arg(long, value_name = "[NAMESPACE/]NAME")]
    instance: Option<String>,
    /// Redirect URI as it is registered with the vendor [default: oauth.callback.url]
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<String>,
    /// Address at which the redirect is received [default: that of the redirect URI, if it is a loopback address]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// Scopes to ask for, separated by blanks or commas [default: oauth.scope, else what the polled resources need]
    #[arg(long, value_name = "SCOPES", value_parser = scopes)]
    scope: Option<Scopes>,
    /// How long the access is waited for
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    addresses: AddressArgs,
    /// What is printed: the Secret as YAML, or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
}

/// At least one scope.
#[derive(Clone, Debug)]
struct Scopes(Vec<String>);

fn scopes(text: &str) -> Result<Scopes, String> {
    match split_scopes(text) {
        Ok(scopes) if scopes.is_empty() => Err("it names no scope".to_owned()),
        Ok(scopes) => Ok(Scopes(scopes)),
        Err(scope) => Err(format!("{scope:?} cannot be a scope")),
    }
}

pub(super) fn run(args: &AuthorizeArgs) -> Result<ExitCode, Failed> {
    init_logs(LogFormat::Text, "warn");
    let manifests = args.files.read_good()?;
    let manifest = chosen(&manifests, args.instance.as_deref())?;
    let app = manifests
        .app(manifest)
        .map_err(|problems| failed(&manifests.place_problems(manifest, problems)))?;
    let definition = element::builtin(&app.element)
        .map_err(|error| failed(&manifests.place_problems(manifest, vec![error.into()])))?;
    runtime()?.block_on(async {
        let ending = ending()?;
        let document = tokio::select! {
            document = authorized(args, &manifests, manifest, definition, &app) => document?,
            () = ending.cancelled() => {
                eprintln!("interrupted; nothing was changed");
                return Ok(ExitCode::from(130));
            }
        };
        let printed = std::io::stdout().write_all(document.as_bytes());
        printed.map_err(|error| Failed(format!("the Secret cannot be printed: {error}")))?;
        Ok(ExitCode::SUCCESS)
    })
}

fn chosen<'a>(manifests: &'a Manifests, wanted: Option<&str>) -> Result<&'a Manifest, Failed> {
    let instances = &manifests.instances;
    let is_wanted = |manifest: &&Manifest| {
        wanted.is_none_or(|wanted| manifest.owner.name == wanted || manifest.name() == wanted)
    };
    let mut found = instances.iter().filter(is_wanted);
    let names = || {
        instances
            .iter()
            .map(Manifest::name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failed(format!(
            "no instance is named {}; the files hold {}",
            wanted.unwrap_or_default(),
            names()
        ))),
        (Some(_), Some(_)) => Err(Failed(format!(
            "the files hold several instances; name one of them with --instance: {}",
            names()
        ))),
    }
}

/// The Secret as it is printed.
async fn authorized(
    args: &AuthorizeArgs,
    manifests: &Manifests,
    manifest: &Manifest,
    definition: &Definition,
    app: &OAuthApp,
) -> Result<String, Failed> {
    let oauth = definition.oauth2().map_err(Failed::new)?;
    let (grant, geolocation) = match &app.password {
        Some(grant) => {
            eprintln!(
                "exchanging oauth.username and oauth.password for a refresh token; no browser is needed"
            );
            (grant.clone(), None)
        }
        None => {
            let redirect_uri = args.redirect_uri.as_deref().or(app.redirect_uri.as_deref());
            let scopes = match &args.scope {
                Some(Scopes(scopes)) => scopes.clone(),
                None => default_scopes(definition, app)?,
            };
            eprintln!(
                "{}: access to {} with scope {}",
                manifest.name(),
                definition.title,
                scopes.join(" ")
            );
            let question = Question {
                element: &definition.key,
                oauth,
                app,
                scopes: &scopes,
                plan: &Plan::new(redirect_uri, args.listen)?,
                timeout: args.timeout,
            };
            let (landing, redirect_uri) = question.ask().await?;
            let grant = Grant::AuthorizationCode {
                code: landing.code,
                redirect_uri,
            };
            (grant, landing.geolocation)
        }
    };
    let http = Arc::new(args.addresses.laptop().map_err(Failed::new)?);
    let credentials = OAuth2Credentials {
        client_id: app.client_id.clone(),
        client_secret: app.client_secret.clone(),
        token_url: app.token_url.clone(),
        grant,
    };
    let login = Login {
        oauth,
        correlation_header: definition.answers.correlation_header.as_deref(),
        owner: &manifest.owner,
        credentials: &credentials,
        base_url: app.base_url.as_ref(),
        limits: LIMITS,
    };
    let granted = first_grant(http, login, geolocation.as_ref(), Timestamp::now())
        .await
        .map_err(refused)?;
    finish(args, manifests, manifest, app, &granted)
}

/// `oauth.scope`, else what the resources need that are to be polled.
fn default_scopes(definition: &Definition, app: &OAuthApp) -> Result<Vec<String>, Failed> {
    const REMEDY: &str = "name the scopes with --scope or `oauth.scope`";
    if !app.scopes.is_empty() {
        return Ok(app.scopes.clone());
    }
    let resources = app.resources.as_ref().map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Failed(format!(
            "which scopes are needed cannot be told; {REMEDY}, or mend this: {}",
            problems.join("; ")
        ))
    })?;
    let mut scopes: Vec<String> = Vec::new();
    for resource in resources {
        let listing = definition
            .listing(resource)
            .map_err(|error| Failed(format!("{error}; or {REMEDY}")))?;
        if listing.scopes().is_empty() {
            return Err(Failed(format!(
                "which scopes {} needs is not known; {REMEDY}",
                resource.name
            )));
        }
        for scope in listing.scopes() {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
    }
    Ok(scopes)
}

fn refused(error: TokenError) -> Failed {
    match error {
        // Its own text promises to ask again, as polls do.
        TokenError::TokenServiceUnavailable {
            host,
            status,
            message,
            ..
        } => Failed(format!(
            "{host} answered {status}: {message:?}; run it again later"
        )),
        error => Failed::new(error),
    }
}

fn finish(
    args: &AuthorizeArgs,
    manifests: &Manifests,
    manifest: &Manifest,
    app: &OAuthApp,
    granted: &FirstGrant,
) -> Result<String, Failed> {
    let Some(token) = &granted.refresh_token else {
        return Err(Failed(
            "access was granted, but no refresh token, without which it ends within the hour; let the vendor enable \
             the refresh token grant for the app, or ask for the scope that grants it (often offline_access)"
                .to_owned(),
        ));
    };
    let target = Target::of(manifests, manifest);
    let app_keys = [
        ("oauth.api.key", app.client_id.as_str()),
        ("oauth.api.secret", app.client_secret.expose_secret()),
    ];
    let sources = &manifest.spec.configuration_from;
    let in_a_secret = |key: &str| {
        let has = |name: &str| manifests.secret_has(&manifest.owner.namespace, name, key);
        sources.iter().any(|source| has(&source.secret_ref.name))
    };
    let mut set: Vec<_> = app_keys
        .into_iter()
        .filter(|(key, _)| !in_a_secret(key))
        .collect();
    set.push((REFRESH_TOKEN, token.expose_secret()));
    // What was exchanged is of no more use.
    let removed: &[&str] = match app.password {
        Some(_) => &["oauth.password"],
        None => &[],
    };
    let printed = secret::print(&target.document(&set, removed), args.output)?;
    eprintln!(
        "authorized; the data is at {}\nSecret {}/{} is on standard output, for kubectl apply -f -",
        granted.base.origin().ascii_serialization(),
        manifest.owner.namespace,
        target.name
    );
    for hint in secret::hints(manifest, &target) {
        eprintln!("note: {hint}");
    }
    Ok(printed)
}
