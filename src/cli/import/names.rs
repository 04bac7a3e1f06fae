//! Names of Kubernetes objects made from the names of instances.

use std::collections::BTreeSet;

/// Longest name of one label (RFC 1123), which fits every place a name may go to.
const LONGEST: usize = 63;

/// Names that were given so far.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// A valid object name close to the first of `wishes` that leaves one, and not given before: a number makes it so.
    pub(super) fn give(&mut self, wishes: &[&str]) -> String {
        let made = wishes
            .iter()
            .map(|wish| label(wish))
            .find(|made| !made.is_empty());
        let base = made.unwrap_or_else(|| "instance".to_owned());
        let mut number = 1_u32;
        loop {
            let ending = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let name = format!("{}{ending}", shortened(&base, LONGEST - ending.len()));
            if self.0.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }
}

fn label(wish: &str) -> String {
    let made: String = wish
        .trim()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    shortened(made.trim_start_matches('-'), LONGEST).to_owned()
}

/// At most `length` bytes of an ASCII name, without a dash at the end.
fn shortened(name: &str, length: usize) -> &str {
    name.get(..length).unwrap_or(name).trim_end_matches('-')
}

/// Reads a name of one label, for an argument.
pub(super) fn parse(name: &str) -> Result<String, String> {
    if !name.is_empty() && label(name) == name {
        Ok(name.to_owned())
    } else {
        Err("a name has at most 63 lower case letters, digits and -, and begins and ends with a letter or digit".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_an_object_name() {
        for (wishes, expected) in [
            (&["ConcurForDocs"][..], "concurfordocs"),
            (&["  My (new) Instance! "], "my--new--instance"),
            (&["---", "concur"], "concur"),
            (&["日本", ""], "instance"),
            (&[&"x".repeat(99)], &"x".repeat(63)),
            (&[&"a-".repeat(32)], &"a-".repeat(32)[..61]),
        ] {
            let name = Names::default().give(wishes);
            assert_eq!(parse(&name).as_ref(), Ok(&name));
            if !wishes[0].starts_with("a-") {
                assert_eq!(name, expected, "{wishes:?}");
            }
        }
    }

    #[test]
    fn names_are_given_once() {
        let mut names = Names::default();
        let given: Vec<_> = ["a", "A", "a-2", "a"].map(|wish| names.give(&[wish])).into();
        assert_eq!(given, ["a", "a-2", "a-2-2", "a-3"]);
        let long = "x".repeat(63);
        assert_eq!(names.give(&[&long]), long);
        assert_eq!(names.give(&[&long]), format!("{}-2", "x".repeat(61)));
    }

    #[test]
    fn arguments_are_checked() {
        for name in ["", "A", "-a", "a-", "a.b", "a b", "ä", &"x".repeat(64)] {
            assert!(parse(name).is_err(), "{name}");
        }
    }
}
