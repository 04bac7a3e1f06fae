//! What the user reads: one line a step, with the seconds since the beginning.

use std::io::Write as _;
use std::time::Instant;

/// Prints the story.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    began: Instant,
}

impl Story {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// One step.
    pub(crate) fn tell(&self, step: &str) {
        print(&format!("{:>5.1} s  {step}", self.began.elapsed().as_secs_f64()));
    }

    /// A command as a user would type it.
    pub(crate) fn command(&self, line: &str) {
        self.tell(&format!("$ {line}"));
    }

    /// What a command printed.
    pub(crate) fn output(&self, text: &str) {
        for line in text.lines() {
            print(format!("           {line}").trim_end());
        }
    }

    /// A line of its own.
    pub(crate) fn plain(&self, line: &str) {
        print(line);
    }
}

/// A reader who closed the pipe is no reason to end with a panic.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
