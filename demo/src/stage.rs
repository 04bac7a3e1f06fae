//! What every tale has: the simulator, the program that polls it, the books, and waiting with a deadline.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pollinator_testbed::{Folder, Process, last_lines};
use serde_json::{Value, json};

use crate::error::Error;
use crate::ledger::{Comparison, Ledger};
use crate::sandbox::{Control, Notification, Sandbox};
use crate::signature;
use crate::story::Story;

/// How often is looked while waiting.
const LOOK: Duration = Duration::from_millis(50);
/// How long one step may take, which is far more than it does.
const STEP: Duration = Duration::from_secs(60);

/// How to start the program that polls, as often as needed.
#[derive(Debug)]
pub(crate) struct Poller {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Poller {
    /// As a user would type it.
    pub(crate) fn command_line(&self) -> String {
        format!("pollinator {}", self.arguments.join(" "))
    }
}

/// The stage.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) story: Story,
    pub(crate) ledger: Ledger,
    pub(crate) signature_key: String,
    poller: Poller,
    // Dropped in this order: who asks before who answers, the folder last.
    polling: Option<Process>,
    sandbox: Sandbox,
    folder: Folder,
    next_report: usize,
    /// Token requests that were refused on purpose.
    pub(crate) refused_tokens: usize,
}

impl Stage {
    pub(crate) fn new(
        story: Story,
        folder: Folder,
        sandbox: Sandbox,
        signature_key: String,
        poller: Poller,
    ) -> Self {
        Self {
            story,
            ledger: Ledger::default(),
            signature_key,
            poller,
            polling: None,
            sandbox,
            folder,
            next_report: 0,
            refused_tokens: 0,
        }
    }

    pub(crate) fn control(&self) -> &Control {
        &self.sandbox.control
    }

    pub(crate) fn poller(&self) -> &Poller {
        &self.poller
    }

    /// Starts the program that polls; its id.
    pub(crate) fn start(&mut self) -> Result<u32, Error> {
        let mut command = Command::new(&self.poller.program);
        command
            .args(&self.poller.arguments)
            .current_dir(self.folder.path());
        // What the user has set for another pollinator is not meant for this one.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("POLLINATOR_") {
                command.env_remove(name);
            }
        }
        command.envs(self.poller.environment.iter().map(|(name, value)| (name, value)));
        let process = Process::start(
            "pollinator",
            command,
            &self.folder.path().join("pollinator.log"),
            None,
        )?;
        Ok(self.polling.insert(process).id())
    }

    /// Kills the program that polls with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.polling = None;
    }

    pub(crate) async fn order(&self, commands: &Value) -> Result<Value, Error> {
        self.control().order(commands).await
    }

    /// Puts reports into Concur before the story begins; nothing is due for them.
    pub(crate) async fn seed(&mut self, old: usize, recent: usize) -> Result<(), Error> {
        let now = self.control().state().await?.now;
        let first = now - jiff::SignedDuration::from_mins(2);
        self.order(&json!([
            {"command": "seed", "count": old, "prefix": "OLD"},
            {"command": "seed", "count": recent, "prefix": "R", "first": first, "stepMs": 5_000},
        ]))
        .await?;
        self.next_report = recent;
        Ok(())
    }

    /// Ids of reports that do not exist yet; they sort behind all others.
    pub(crate) fn new_ids(&mut self, count: usize) -> Vec<String> {
        let first = self.next_report;
        self.next_report += count;
        (first..first + count)
            .map(|number| format!("R{number:04}"))
            .collect()
    }

    /// Creates and edits reports, `before` the commands of the caller's own.
    pub(crate) async fn change(
        &mut self,
        create: &[String],
        edit: &[String],
        before: &[Value],
    ) -> Result<(), Error> {
        let mut commands: Vec<Value> = before.to_vec();
        commands.extend(create.iter().map(|id| json!({"command": "create", "id": id})));
        commands.extend(
            edit.iter()
                .map(|id| json!({"command": "edit", "id": id, "set": {"LastComment": "edited"}})),
        );
        self.order(&Value::Array(commands)).await?;
        create.iter().for_each(|id| self.ledger.created(id));
        edit.iter().for_each(|id| self.ledger.edited(id));
        Ok(())
    }

    /// Looks again and again until `look` finds something.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        look: impl AsyncFn(&Control, &Ledger) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        loop {
            let found = look(&self.sandbox.control, &self.ledger).await;
            // A process that has ended is the better explanation of whatever was not found.
            self.sandbox.process.check()?;
            if let Some(polling) = &mut self.polling {
                polling.check()?;
            }
            if let Some(found) = found? {
                return Ok(found);
            }
            if began.elapsed() > STEP {
                return Err(self.too_late(what).await);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn too_late(&self, what: &str) -> Error {
        let mut details = String::new();
        if let Ok(received) = self.control().received().await {
            let missing = self.ledger.compare(&received).lost;
            if !missing.is_empty() {
                details.push_str(&format!("; events still missing: {}", missing.join(", ")));
            }
        }
        let log = last_lines(&self.folder.path().join("pollinator.log"));
        if !log.is_empty() {
            details.push_str(&format!("; the last lines of pollinator's log are:\n{log}"));
        }
        Error::Deadline {
            what: what.to_owned(),
            seconds: STEP.as_secs(),
            details,
        }
    }

    /// Waits until every change made so far has its event, and checks all signatures.
    pub(crate) async fn all_received(&mut self) -> Result<Comparison, Error> {
        let what = "every change has its event";
        let comparison = self
            .until(what, async |control, ledger| {
                let comparison = ledger.compare(&control.received().await?);
                Ok(comparison.lost.is_empty().then_some(comparison))
            })
            .await?;
        self.check_signatures(&self.control().received().await?)?;
        Ok(comparison)
    }

    fn check_signatures(&self, notifications: &[Notification]) -> Result<(), Error> {
        let bad = |n: &&Notification| {
            n.signature != "valid"
                || !signature::is_valid(&self.signature_key, n.signature_header(), n.body())
        };
        match notifications.iter().filter(bad).count() {
            0 => Ok(()),
            count => Err(Error::Check(format!(
                "{count} notifications have no valid signature"
            ))),
        }
    }

    /// Waits until the listing was read whole at least once from now on.
    pub(crate) async fn whole_pass(&mut self) -> Result<(), Error> {
        let passes = async |control: &Control| {
            Ok::<_, Error>(
                control
                    .log()
                    .await?
                    .iter()
                    .filter(|request| request.is_first_page())
                    .count(),
            )
        };
        let before = passes(self.control()).await?;
        // The beginning of the pass after the next one proves the end of the next one.
        self.until("the listing is read whole", async |control, _| {
            Ok((passes(control).await? >= before + 2).then_some(()))
        })
        .await
    }
}

/// Events of the notifications that were taken, grouped for one line: `CREATED R0012 R0013, UPDATED R0001`.
pub(crate) fn in_words(notifications: &[Notification]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for event in notifications
        .iter()
        .filter(|n| n.accepted)
        .flat_map(Notification::events)
    {
        match groups.iter_mut().find(|(kind, _)| *kind == event.event_type) {
            Some((_, ids)) => ids.push(event.object_id),
            None => groups.push((event.event_type, vec![event.object_id])),
        }
    }
    groups.sort();
    let words: Vec<String> = groups
        .into_iter()
        .map(|(kind, ids)| format!("{kind} {}", ids.join(" ")))
        .collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}
