//! Drops null-valued fields from a record's own text.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A JSON object or array that is not closed yet.
struct Open {
    is_object: bool,
    /// Length of the output before the present member and its comma.
    mark: usize,
}

/// The record without its null-valued fields, at any depth; everything else keeps its text, numbers and blanks included.
///
/// Nulls in arrays stay, since their position may mean something. No recursion: the vendor decides about the depth.
pub(super) fn without_nulls(record: &RawValue) -> Cow<'_, RawValue> {
    if !record.get().contains("null") {
        return Cow::Borrowed(record);
    }
    let text = strip(record.get());
    if text.len() == record.get().len() {
        return Cow::Borrowed(record);
    }
    RawValue::from_string(text).map_or(Cow::Borrowed(record), Cow::Owned)
}

/// Works on valid JSON only, which a [`RawValue`] is.
fn strip(json: &str) -> String {
    let bytes = json.as_bytes();
    let mut out = String::with_capacity(json.len());
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let end = token_end(bytes, at);
        let token = &json[at..end];
        at = end;
        match byte {
            b'{' | b'[' => {
                out.push_str(token);
                open.push(Open {
                    is_object: *byte == b'{',
                    mark: out.len(),
                });
            }
            b'}' | b']' => {
                open.pop();
                out.push_str(token);
            }
            b',' => {
                if let Some(inner) = open.last_mut() {
                    inner.mark = out.len();
                }
                // No comma where everything before it was dropped.
                if !out.trim_end().ends_with(['{']) {
                    out.push_str(token);
                }
            }
            b'n' => match open.last() {
                Some(Open {
                    is_object: true,
                    mark,
                }) => out.truncate(*mark),
                _ => out.push_str(token),
            },
            _ => out.push_str(token),
        }
    }
    out
}

/// End of the token that begins at `at`: a string, a run of blanks, a mark, or a number or word.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let length = match rest.first() {
        Some(b'"') => {
            let mut escaped = false;
            let closing = rest.iter().skip(1).position(|byte| {
                let closes = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                closes
            });
            closing.map(|position| position + 2)
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => Some(1),
        Some(b' ' | b'\t' | b'\n' | b'\r') => rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')),
        _ => rest.iter().position(|byte| {
            matches!(
                byte,
                b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | b' ' | b'\t' | b'\n' | b'\r'
            )
        }),
    };
    at + length.unwrap_or(rest.len())
}

#[cfg(test)]
#[path = "nulls_tests.rs"]
mod tests;
