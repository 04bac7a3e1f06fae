//! The paths that problems name, such as `spec.configuration["event.poller.configuration"].reports[0]`.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

/// The steps of a path; what cannot be read ends it.
pub(super) fn segments(path: &str) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let Some((segment, after)) = bracketed(bracket) else {
                break;
            };
            found.push(segment);
            rest = after;
        } else {
            let word = rest.strip_prefix('.').unwrap_or(rest);
            let end = word.find(['.', '[']).unwrap_or(word.len());
            let (key, after) = word.split_at(end);
            if key.is_empty() {
                break;
            }
            found.push(Segment::Key(key.to_owned()));
            rest = after;
        }
    }
    found
}

/// `"key"]…` or `0]…`.
fn bracketed(text: &str) -> Option<(Segment, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (index, after) = text.split_once(']')?;
        return Some((Segment::Index(index.parse().ok()?), after));
    };
    let mut key = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Segment::Key(key), quoted.get(at + 1..)?.strip_prefix(']')?)),
            '\\' => match chars.next()?.1 {
                'n' => key.push('\n'),
                't' => key.push('\t'),
                'r' => key.push('\r'),
                '0' => key.push('\0'),
                'u' => {
                    let code: String = chars.by_ref().map(|(_, c)| c).take_while(|c| *c != '}').collect();
                    let code = u32::from_str_radix(code.trim_start_matches('{'), 16).ok()?;
                    key.push(char::from_u32(code)?);
                }
                other => key.push(other),
            },
            other => key.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_is_written_is_read() {
        for keys in [
            vec![
                "spec",
                "configuration",
                "event.poller.configuration",
                "reports",
                "url",
            ],
            vec!["a", "with \"quotes\" and \\", "new\nline\u{1}", "ü", "", "]["],
        ] {
            let path = keys
                .iter()
                .fold(String::new(), |path, key| crate::config::join(&path, key));
            let expected: Vec<_> = keys.iter().map(|key| Segment::Key((*key).to_owned())).collect();
            assert_eq!(segments(&path), expected, "{path}");
        }
        let index = [
            Segment::Key("a".into()),
            Segment::Index(3),
            Segment::Key("b".into()),
        ];
        assert_eq!(segments("a[3].b"), index);
        for broken in ["[", "a[", "a[\"", "a[\"\\", "a[x]", "..", "a[\"\\u{zz}\"]"] {
            assert!(segments(broken).len() <= 1, "{broken}");
        }
    }
}
