//! The lines around a place, with a caret; what may be secret is hidden.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::ops::Range;

use super::mask::{hidden, line_starts};
use super::{MASK, Place};

/// Lines shown before and after the place.
const AROUND: usize = 2;
/// Longest line shown, in characters.
const WIDTH: usize = 100;

/// Shows parts of one text.
pub(in crate::cli) struct Excerpts<'a> {
    text: &'a str,
    read: OnceCell<Read>,
}

struct Read {
    starts: Vec<usize>,
    hidden: Vec<Range<usize>>,
}

impl<'a> Excerpts<'a> {
    /// Of this text, which is not read before something of it is shown.
    pub(in crate::cli) fn of(text: &'a str) -> Self {
        Self {
            text,
            read: OnceCell::new(),
        }
    }

    /// The lines around `at`, each with its number, the place marked.
    pub(in crate::cli) fn around(&self, at: Place) -> String {
        let read = self.read.get_or_init(|| Read {
            starts: line_starts(self.text),
            hidden: hidden(self.text),
        });
        let last = (at.line + AROUND).min(read.starts.len());
        let width = last.to_string().len();
        let mut shown = String::new();
        for number in at.line.saturating_sub(AROUND).max(1)..=last {
            let begin = read.starts.get(number - 1).copied().unwrap_or_default();
            let end = read.starts.get(number).copied().unwrap_or(self.text.len());
            let line = self.text.get(begin..end).unwrap_or_default();
            let line = line.trim_end_matches(['\n', '\r']);
            // The text may end with a line break, after which nothing stands.
            if number == read.starts.len() && line.is_empty() && number != at.line {
                continue;
            }
            let column = if number == at.line { at.column } else { 1 };
            let (line, caret) = masked(line, begin, &read.hidden, column);
            let (line, caret) = cut(&line, caret);
            let _ = writeln!(shown, "  {number:width$} | {line}");
            if number == at.line {
                let _ = writeln!(shown, "  {:width$} | {}^", "", " ".repeat(caret));
            }
        }
        shown
    }
}

/// The line with everything hidden replaced, and where the column, counted from 1, stands in it, counted from 0.
fn masked(line: &str, begin: usize, hidden: &[Range<usize>], column: usize) -> (Vec<char>, usize) {
    let first = hidden.partition_point(|range| range.end <= begin);
    let mut ranges = hidden.get(first..).unwrap_or_default().iter().peekable();
    let (mut shown, mut caret, mut inside) = (Vec::new(), None, false);
    for (index, (at, c)) in line.char_indices().enumerate() {
        let at = begin + at;
        while ranges.next_if(|range| range.end <= at).is_some() {
            inside = false;
        }
        let hide = ranges.peek().is_some_and(|range| range.start <= at);
        if column == index + 1 {
            caret = Some(shown.len());
        }
        if hide && !inside {
            shown.extend(MASK.chars());
        } else if !hide {
            // Tabs and control characters would move the caret.
            shown.push(if c.is_control() { ' ' } else { c });
        }
        inside = hide;
    }
    let caret = caret.unwrap_or(shown.len());
    (shown, caret)
}

/// At most [`WIDTH`] characters of the line, with the caret's among them.
fn cut(line: &[char], caret: usize) -> (String, usize) {
    if line.len() <= WIDTH {
        return (line.iter().collect(), caret);
    }
    let from = caret.saturating_sub(WIDTH / 2).min(line.len() - WIDTH);
    let part: String = line.iter().skip(from).take(WIDTH).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if from + WIDTH < line.len() { "…" } else { "" };
    let caret = caret - from + before.chars().count();
    (format!("{before}{part}{after}"), caret)
}
