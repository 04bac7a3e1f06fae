//! Which parts of a text may be secret. The text may be broken, so this reads words, not structure, and hides rather
//! too much. It takes time in proportion to the text.

use std::ops::Range;

use crate::api::is_secret_key;

/// Byte ranges that must not be shown, in order and apart.
pub(super) fn hidden(text: &str) -> Vec<Range<usize>> {
    let starts = line_starts(text);
    let mut hidden: Vec<Range<usize>> = Vec::new();
    let mut in_secret = false;
    for document in documents(text, &starts) {
        let part = text.get(document.clone()).unwrap_or_default();
        // What has no kind after a Secret may be the rest of it, cut off by a `---` that was meant otherwise.
        in_secret = holds_a_secret(part) || (in_secret && !part.contains("kind"));
        if in_secret {
            hide_values(part, document.start, &mut hidden);
            continue;
        }
        hide_after_keys(part, document.start, &starts, &mut hidden);
    }
    hidden
}

/// Hides the value of every key whose name is that of a secret.
fn hide_after_keys(text: &str, start: usize, starts: &[usize], hidden: &mut Vec<Range<usize>>) {
    let mut end = 0;
    let mut hide = |word: &Range<usize>| {
        let line = starts.partition_point(|begin| *begin <= start + word.start);
        let line = starts
            .get(line.saturating_sub(1))
            .map_or(0, |line| line.saturating_sub(start));
        let value = value_after(text, word, indentation(text.get(line..).unwrap_or_default()));
        let shown = value.start.max(end)..value.end;
        end = end.max(value.end);
        if !shown.is_empty() {
            hidden.push(start + shown.start..start + shown.end);
        }
        end
    };
    let (mut end, mut covered) = (0, None);
    for word in words(text) {
        let name = text.get(word.clone()).unwrap_or_default();
        let name = name.trim_matches(['-', '.', '_']);
        // `code` is providerData's.
        if !(name == "code" || is_secret_key(name)) {
            continue;
        }
        // Of the keys inside what is hidden already only the last can have a value that goes on after it.
        if word.start >= end
            && let Some(last) = covered.take()
        {
            end = hide(&last);
        }
        if word.start < end {
            covered = Some(word);
        } else {
            end = hide(&word);
        }
    }
    if let Some(last) = covered {
        hide(&last);
    }
}

/// Where each line begins.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(breaks).collect()
}

/// The parts between `---` lines.
fn documents(text: &str, starts: &[usize]) -> Vec<Range<usize>> {
    let is_marker = |start: &&usize| {
        let line = text.get(**start..).unwrap_or_default();
        line.strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let markers: Vec<usize> = starts.iter().filter(is_marker).copied().collect();
    let begins = std::iter::once(0).chain(markers.iter().copied());
    let ends = markers.iter().copied().chain([text.len()]);
    begins.zip(ends).map(|(begin, end)| begin..end).collect()
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut begin = None;
    text.char_indices()
        .chain([(text.len(), ' ')])
        .filter_map(move |(at, c)| match (in_word(c), begin) {
            (true, None) => {
                begin = Some(at);
                None
            }
            (false, Some(from)) => {
                begin = None;
                Some(from..at)
            }
            _ => None,
        })
}

/// From the end of a key to the end of its value: to the closing quote, where a comma, a bracket or the end of the line
/// follows it; else all of the line and the deeper lines after it.
fn value_after(text: &str, key: &Range<usize>, indentation: usize) -> Range<usize> {
    let rest = text.get(key.end..).unwrap_or_default();
    // Quotes of the key itself, escaped ones in JSON text, then the colon.
    let mut begin = rest
        .find(|c| !matches!(c, '"' | '\'' | '\\'))
        .unwrap_or(rest.len());
    let after_key = rest.get(begin..).unwrap_or_default();
    let gap = after_key
        .find(|c: char| !c.is_whitespace())
        .unwrap_or(after_key.len());
    let separators = after_key.get(gap..).unwrap_or_default();
    // Even where the word seems to be a value itself, with a comma after it: its own quote may be what is broken.
    let colon = separators
        .find(|c| !matches!(c, ':' | '=' | ',' | '}' | ']'))
        .unwrap_or(separators.len());
    if colon > 0 {
        begin += gap + colon;
    }
    let value = rest.get(begin..).unwrap_or_default();
    begin += value
        .find(|c: char| !matches!(c, ' ' | '\t'))
        .unwrap_or(value.len());
    let value = rest.get(begin..).unwrap_or_default();
    let quoted = if value.starts_with(['\r', '\n']) {
        value.trim_start()
    } else {
        value
    };
    let skipped = value.len() - quoted.len();
    let ended = |end: &usize| {
        let tail = quoted.get(*end..).unwrap_or_default();
        let tail = tail.trim_start_matches([' ', '\t', '\r']);
        tail.is_empty() || tail.starts_with([',', '}', ']', '\n', '#', '\\', '"'])
    };
    let end = quoted_end(quoted);
    let tail = quoted.get(end.unwrap_or_default()..).unwrap_or_default();
    let length = match end.filter(ended) {
        Some(end) => end + tail.find([',', '}', ']', '\n']).unwrap_or(tail.len()),
        // No quotes, or one that is no end: at least the line on which it stands.
        None => {
            let line = end.unwrap_or_default() + tail.find('\n').unwrap_or(tail.len());
            line.max(block_end(quoted, indentation))
        }
    };
    let length = skipped + length;
    key.end + begin..key.end + begin + length
}

/// The end of a quoted text, plain or escaped; the end of everything where the quote is not closed.
fn quoted_end(value: &str) -> Option<usize> {
    let mark = ["\\\\\\\"", "\\\"", "\"", "'"]
        .into_iter()
        .find(|mark| value.starts_with(mark))?;
    let mut at = mark.len();
    while at < value.len() {
        let rest = value.get(at..)?;
        if rest.starts_with(mark) {
            return Some(at + mark.len());
        }
        let step = if mark == "\"" && rest.starts_with('\\') {
            1 + rest.chars().nth(1).map_or(0, char::len_utf8)
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
    }
    Some(value.len())
}

/// Of the line that `text` begins with.
fn indentation(text: &str) -> usize {
    text.find(|c| !matches!(c, ' ' | '\t')).unwrap_or(text.len())
}

/// The end of the line, or of the deeper and empty lines that follow it.
fn block_end(value: &str, depth: usize) -> usize {
    let mut end = 0;
    for (index, line) in value.split_inclusive('\n').enumerate() {
        if index > 0 && !line.trim().is_empty() && indentation(line) <= depth {
            break;
        }
        end += line.len();
    }
    end
}

/// Whether a document is a Secret, or a list with one. Its own words may be damaged and run into one another.
fn holds_a_secret(text: &str) -> bool {
    let names_the_kind = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        before.ends_with("kind") || !before.ends_with(|c: char| c.is_alphanumeric())
    };
    text.contains("stringData") || text.match_indices("Secret").any(|(at, _)| names_the_kind(at))
}

/// Values in a Secret that may be seen.
const OPEN: [&str; 4] = ["v1", "Secret", "List", "Opaque"];

/// Hides everything of a Secret but the names of its keys, line by line; a line with brackets whole.
fn hide_values(text: &str, start: usize, hidden: &mut Vec<Range<usize>>) {
    let mut begin = start;
    for line in text.split_inclusive('\n') {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let name = key.trim().trim_matches(['"', '\'', '-', ' ']);
        let open = value.trim().trim_matches(['"', '\'', ',']);
        let from = if key.len() == line.len() || line.contains(['{', '[']) || !name.chars().all(in_word) {
            line.len() - line.trim_start().len()
        } else if OPEN.contains(&open) {
            line.len()
        } else {
            line.len() - value.trim_start().len()
        };
        let end = line.trim_end().len();
        if from < end && line.trim() != "---" {
            hidden.push(begin + from..begin + end);
        }
        begin += line.len();
    }
}
