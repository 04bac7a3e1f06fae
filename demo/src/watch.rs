//! `kubectl get --watch` in the background, whose rows appear in the story when they say something new.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use pollinator_testbed::{Folder, Process};
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::kubectl::Kubectl;
use crate::story::Story;

/// A watch that is running.
#[derive(Debug)]
pub(crate) struct Watch {
    _process: Process,
    reader: JoinHandle<()>,
}

impl Watch {
    /// Shows the command and begins.
    pub(crate) fn start(
        kubectl: Kubectl<'_>,
        line: &str,
        story: Story,
        folder: &Folder,
    ) -> Result<Self, Error> {
        story.command(&format!("kubectl {line}"));
        let path = folder.path().join("watch.txt");
        let rows = File::create(&path).map_err(Error::io("write", &path))?;
        let log = folder.path().join("watch.log");
        let process = Process::start("kubectl", kubectl.command(line).into_std(), &log, Some(rows))?;
        Ok(Self {
            _process: process,
            reader: tokio::spawn(follow(path, story)),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn follow(path: PathBuf, story: Story) {
    let mut told = 0;
    let mut last = Vec::new();
    loop {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        for row in text.get(told..complete).unwrap_or_default().lines() {
            let cells = lasting(row);
            if cells != last {
                story.output(row);
                last = cells;
            }
        }
        told = complete;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A row's cells without the ages, which differ in every row.
fn lasting(row: &str) -> Vec<String> {
    let is_age =
        |cell: &str| cell.starts_with(|c: char| c.is_ascii_digit()) && cell.ends_with(['s', 'm', 'h', 'd']);
    row.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty() && !is_age(cell))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_no_news() {
        let cells = ["concur-sandbox", "concur", "True", "Polling"];
        assert_eq!(
            lasting("concur-sandbox   concur    True    Polling   0s            9s"),
            cells
        );
        assert_eq!(
            lasting("concur-sandbox   concur    True    Polling   2m3s          1d"),
            cells
        );
        assert_eq!(
            lasting("concur-sandbox   concur                                    0s"),
            cells[..2]
        );
    }
}
