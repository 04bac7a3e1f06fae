//! `pollinator poll`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::addresses::AddressArgs;
use super::findings::failed;
use super::manifests::{FileArgs, MissingSecret};
use super::output::Output;
use super::{Failed, ending, runtime};
use crate::api::SKIP;
use crate::config::Callback;
use crate::deliver::{Attempts, Notification, Outcome, Refusal};
use crate::element::Tokens;
use crate::engine::{Callbacks, Clock, Engine, Instance, InstanceMemory, Outbox, ResourceReport, Which};
use crate::http::BoxFuture;
use crate::store::{CheckpointStore, FolderStore, Overlay};
use crate::telemetry::{LogFormat, init_logs};

/// Poll without a cluster: the operator's engine, with a folder for its state.
///
/// Polls on each instance's interval until SIGTERM or ctrl-c, or once with --once. What was delivered is remembered
/// in the state folder, so that the next run goes on where this one stopped.
/// Exit status: 0 done, 1 a poll or delivery failed (--once) or the work cannot begin, 2 wrong usage.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  pollinator poll -f instance.yaml --once --state-dir state")]
pub(super) struct PollArgs {
    #[command(flatten)]
    files: FileArgs,
    /// Poll every resource of every instance once, now, due or not
    #[arg(long)]
    once: bool,
    /// Folder for cursors and rotated tokens; made where it does not exist. It holds secrets
    #[arg(long, value_name = "DIR", default_value = ".pollinator")]
    state_dir: PathBuf,
    /// Move every cursor to this instant, once: what changed after it is reported
    #[arg(long, value_name = "RFC3339")]
    since: Option<Timestamp>,
    /// Give up the refused events of held objects, named RESOURCE/ID or ID, with commas between several; once for each
    /// new value. Wins over the annotation pollinator.dev/skip of the manifest
    #[arg(long, value_name = "OBJECTS")]
    skip: Option<String>,
    /// Try held objects at once, whatever their time
    #[arg(long)]
    retry_held: bool,
    /// Print the notifications instead of delivering them, and leave the cursors where they are
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    addresses: AddressArgs,
    /// What is printed: a line for each poll, or one JSON object a line
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
    /// Form of the log lines on standard error; RUST_LOG filters them
    #[arg(long, env = "POLLINATOR_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

pub(super) fn run(args: PollArgs) -> Result<ExitCode, Failed> {
    init_logs(args.log_format, "warn");
    let instances = instances(&args)?;
    let store = Arc::new(FolderStore::open(&args.state_dir).map_err(Failed::new)?);
    runtime()?.block_on(async {
        let http = Arc::new(args.addresses.laptop().map_err(Failed::new)?);
        let ending = ending()?;
        let clock = Clock::system();
        let process = format!("poll_{}", uuid::Uuid::new_v4().simple());
        let tokens = Arc::new(Tokens::new(http.clone(), store.clone()));
        let good = if args.dry_run {
            let printer = Arc::new(Printer { output: args.output });
            let engine = Engine::new(
                Arc::new(Overlay::new(store)),
                http,
                tokens.clone(),
                printer,
                clock,
                process,
            );
            poll(&args, engine, instances, ending).await
        } else {
            let callbacks = Arc::new(Callbacks::new(http.clone(), clock));
            let engine = Engine::new(store, http, tokens.clone(), callbacks, clock, process);
            poll(&args, engine, instances, ending).await
        };
        tokens.settle().await;
        Ok(if good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    })
}

fn instances(args: &PollArgs) -> Result<Vec<Instance>, Failed> {
    let manifests = args.files.read();
    let mut instances = Vec::new();
    let mut problems = manifests.findings.clone();
    for manifest in &manifests.instances {
        let reading = manifests.settings(manifest, MissingSecret::IsAProblem);
        for warning in reading.warnings {
            eprintln!("{}", manifests.place_warning(manifest, warning));
        }
        match reading
            .settings
            .and_then(|settings| Ok((settings, manifest.ids()?)))
        {
            Ok((settings, ids)) if settings.enabled && !manifest.suspended => instances.push(Instance {
                owner: manifest.owner.clone(),
                ids,
                settings: Arc::new(settings),
                reset_to: args
                    .since
                    .map(|at| (at.to_string(), at))
                    .or_else(|| manifest.reset_to()),
                skip: args
                    .skip
                    .clone()
                    .or_else(|| manifest.annotation(SKIP).map(str::to_owned)),
            }),
            Ok(_) => eprintln!(
                "{}: {}: suspended or disabled, not polled",
                manifest.origin(),
                manifest.name()
            ),
            Err(found) => problems.extend(manifests.place_problems(manifest, found)),
        }
    }
    if problems.is_empty() {
        Ok(instances)
    } else {
        Err(failed(&problems))
    }
}

/// Polls all instances side by side; true when the newest poll of every resource ended well.
async fn poll<S: CheckpointStore>(
    args: &PollArgs,
    engine: Engine<S>,
    instances: Vec<Instance>,
    ending: CancellationToken,
) -> bool {
    let engine = Arc::new(engine);
    let way = Way {
        once: args.once,
        retry_held: args.retry_held,
        output: args.output,
    };
    let mut tasks = tokio::task::JoinSet::new();
    for instance in instances {
        let (engine, ending) = (engine.clone(), ending.clone());
        tasks.spawn(async move { poll_instance(&engine, &instance, way, &ending).await });
    }
    let mut good = true;
    while let Some(task) = tasks.join_next().await {
        good &= task.unwrap_or(false);
    }
    good
}

/// How the command line wants instances polled.
#[derive(Clone, Copy)]
struct Way {
    once: bool,
    retry_held: bool,
    output: Output,
}

async fn poll_instance<S: CheckpointStore>(
    engine: &Engine<S>,
    instance: &Instance,
    way: Way,
    ending: &CancellationToken,
) -> bool {
    let Way {
        once,
        retry_held,
        output,
    } = way;
    let mut memory = InstanceMemory::default();
    if retry_held {
        memory.try_again();
    }
    if !once {
        let Instance { owner, settings, .. } = instance;
        let resources: Vec<_> = settings
            .resources
            .iter()
            .map(|resource| resource.name.as_str())
            .collect();
        eprintln!(
            "{}/{}: polling {} every {} s until ctrl-c; each line below is a poll with news",
            owner.namespace,
            owner.name,
            resources.join(", "),
            settings.interval.as_secs_f64()
        );
    }
    let proceed = || !ending.is_cancelled();
    loop {
        let which = if once { Which::All } else { Which::Due };
        let run = engine.run(instance, &mut memory, which, &proceed).await;
        let name = format!("{}/{}", instance.owner.namespace, instance.owner.name);
        for report in &run.polled {
            print(output, instance, report, once);
            if report.failure.is_some() && !once && !memory.delivery_is_stopped() {
                let due = memory.due(engine.clock().now(), instance, &report.name);
                let seconds = due.saturating_duration_since(Instant::now()).as_secs();
                eprintln!("{name} {}: the next poll is in {seconds} s", report.name);
            }
        }
        if !run.polled.is_empty() && memory.delivery_is_stopped() {
            eprintln!("{name}: nothing is polled any more; start again once the callback is mended");
        }
        for notice in &run.notices {
            eprintln!("{name}: {}: {}", notice.reason, notice.message);
        }
        if once {
            return !run.stopped && run.polled.iter().all(|report| report.failure.is_none());
        }
        let pause = memory.next_due(engine.clock().now(), instance);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = ending.cancelled() => return true,
        }
    }
}

/// Prints a report; without news only where somebody waits for it.
fn print(output: Output, instance: &Instance, report: &ResourceReport, always: bool) {
    let figures = &report.figures;
    let name = format!("{}/{}", instance.owner.namespace, instance.owner.name);
    let failure = report.failure.as_ref();
    let shown = failure.is_some_and(|failure| always || !failure.shown_elsewhere);
    let news = figures.events.total() + figures.dead_letters + figures.invalid > 0 || shown;
    match output {
        Output::Json => {
            let line = serde_json::json!({
                "instance": name,
                "resource": report.name,
                "at": report.ended_at.to_string(),
                "created": figures.events.created,
                "updated": figures.events.updated,
                "deleted": figures.events.deleted,
                "deadLettered": figures.dead_letters,
                "unchanged": figures.unchanged,
                "invalid": figures.invalid,
                "pages": figures.pages,
                "cursor": report.cursor.map(|at| at.to_string()),
                "held": report.held,
                "heldObjects": report.held_objects.iter().flat_map(|held| &held.examples).collect::<Vec<_>>(),
                "reason": report.failure.as_ref().map(|failure| failure.reason),
                "message": report.failure.as_ref().map(|failure| &failure.message),
                "notes": report.notes,
            });
            println!("{line}");
        }
        Output::Text if always || news => {
            println!(
                "{name} {}: {} created, {} updated, {} deleted, {} unchanged, {} invalid ({} pages, {} ms)",
                report.name,
                figures.events.created,
                figures.events.updated,
                figures.events.deleted,
                figures.unchanged,
                figures.invalid,
                figures.pages,
                figures.duration.as_millis()
            );
        }
        Output::Text => {}
    }
    if output == Output::Text {
        for note in &report.notes {
            eprintln!("{name} {}: {note}", report.name);
        }
        if let Some(failure) = failure.filter(|_| shown) {
            eprintln!("{name} {}: {}: {}", report.name, failure.reason, failure.message);
        }
    }
}

/// The outbox of a dry run.
struct Printer {
    output: Output,
}

impl Printer {
    fn print(&self, callback: &Callback, notification: &Notification) {
        let body = String::from_utf8_lossy(&notification.body);
        match self.output {
            Output::Json => println!("{body}"),
            // Path and query may hold a secret of the receiver.
            Output::Text => {
                let host = callback.url.host_str().unwrap_or_default();
                println!("would post {} to {host}: {body}", notification.id);
            }
        }
    }
}

impl Outbox for Printer {
    fn deliver<'a>(
        &'a self,
        callback: &'a Callback,
        notification: &'a Notification,
        _attempts: &'a Attempts,
    ) -> BoxFuture<'a, Outcome> {
        self.print(callback, notification);
        Box::pin(std::future::ready(Outcome::Accepted))
    }

    fn dead_letter<'a>(
        &'a self,
        sink: &'a Callback,
        notification: &'a Notification,
        _callback: &'a Callback,
        _refusal: &'a Refusal,
    ) -> BoxFuture<'a, Outcome> {
        self.print(sink, notification);
        Box::pin(std::future::ready(Outcome::Accepted))
    }
}
