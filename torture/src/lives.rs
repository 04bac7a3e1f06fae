//! The process under torture, one life after the other.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pollinator_testbed::{Folder, Process};

use crate::error::Error;
use crate::world::{Place, STATE, World, command};

const LOG: &str = "pollinator.log";

pub(crate) struct Lives {
    program: PathBuf,
    place: Place,
    // Dropped in this order, the folder last.
    running: Option<Process>,
    standby: Option<Process>,
    folder: Folder,
    /// When a process was killed.
    pub(crate) kills: Vec<Timestamp>,
    /// Kills that left a state file behind that was being written.
    pub(crate) while_writing: usize,
}

impl Lives {
    pub(crate) async fn set_up(program: &Path, place: Place, world: &World) -> Result<Lives, Error> {
        let folder = Folder::temporary("pollinator-torture")?;
        world.set_up(&place, folder.path()).await?;
        Ok(Lives {
            program: program.to_owned(),
            place,
            running: None,
            standby: None,
            folder,
            kills: Vec::new(),
            while_writing: 0,
        })
    }

    /// Whether a second process can stand by.
    pub(crate) fn can_fail_over(&self) -> bool {
        matches!(self.place, Place::Operator { .. })
    }

    /// Starts a process unless one runs.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        if self.running.is_none() {
            self.running = Some(self.spawn(false)?);
        }
        Ok(())
    }

    /// Starts a process that takes the lease first.
    pub(crate) fn start_leader(&mut self) -> Result<(), Error> {
        self.running = Some(self.spawn(true)?);
        Ok(())
    }

    /// Starts one that waits for the lease, and is the running one after the next kill.
    pub(crate) fn start_standby(&mut self) -> Result<(), Error> {
        self.standby = Some(self.spawn(true)?);
        Ok(())
    }

    fn spawn(&self, leader_election: bool) -> Result<Process, Error> {
        let folder = self.folder.path();
        let command = command(&self.program, &self.place, folder, leader_election);
        Ok(Process::start("pollinator", command, &folder.join(LOG), None)?)
    }

    /// kill -9, if it runs; an error if it had ended by itself, which it never should.
    pub(crate) fn kill(&mut self, now: Timestamp) -> Result<(), Error> {
        let Some(mut process) = self.running.take() else {
            return Ok(());
        };
        process.check()?;
        drop(process);
        self.kills.push(now);
        self.while_writing += usize::from(self.half_written());
        self.running = self.standby.take();
        Ok(())
    }

    /// A file of the state folder that was not renamed yet.
    fn half_written(&self) -> bool {
        let parts = ["checkpoints", "tokens"].map(|part| self.folder.path().join(STATE).join(part));
        let files = parts
            .iter()
            .filter_map(|part| std::fs::read_dir(part).ok())
            .flatten();
        files.filter_map(Result::ok).any(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "new")
        })
    }

    /// Lines of the log that no input may ever cause.
    pub(crate) fn panics(&self) -> Vec<String> {
        let log = std::fs::read(self.folder.path().join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let panics = log.lines().filter(|line| line.contains("panicked at"));
        panics.map(str::to_owned).collect()
    }

    /// Ends without removing the folder with the log; where it is.
    pub(crate) fn keep(self) -> PathBuf {
        drop((self.running, self.standby));
        self.folder.keep()
    }
}
