//! Names of Kubernetes objects made from names that people gave.

/// Longest name of one label (RFC 1123), which fits every place a name may go to.
const LONGEST: usize = 63;

/// A valid object name close to `name`; never empty.
pub(super) fn object_name(name: &str) -> String {
    let mut made: String = name
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
    made = shortened(made.trim_start_matches('-'), LONGEST).to_owned();
    if made.is_empty() {
        "instance".to_owned()
    } else {
        made
    }
}

/// At most `length` bytes of an ASCII name, without a dash at the end.
fn shortened(name: &str, length: usize) -> &str {
    name.get(..length).unwrap_or(name).trim_end_matches('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_an_object_name() {
        for (name, expected) in [
            ("ConcurForDocs", "concurfordocs"),
            ("  My (new) Instance! ", "my--new--instance"),
            ("Löhne & Gehälter", "l-hne---geh-lter"),
            ("---", "instance"),
            ("", "instance"),
            ("日本", "instance"),
            (&"x-".repeat(40), &"x-".repeat(40)[..63]),
            (&"a-".repeat(31), &"a-".repeat(31)[..61]),
        ] {
            assert_eq!(object_name(name), expected, "{name}");
        }
    }
}
