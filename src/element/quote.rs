//! Vendor text in our own messages: short, printable, and without anything that could be a secret.

/// Characters of a vendor's text that are shown.
const SHOWN: usize = 200;

/// Longest run of token characters that can still be a word, an id or a URL, and not an access token.
const LONGEST_WORD: usize = 120;

/// The first 200 printable characters of `text`, blanks collapsed, long opaque words and `secrets` left out.
pub(super) fn quote(text: &str, secrets: &[&str]) -> String {
    let redacted = |text: String| {
        let secrets = secrets.iter().filter(|secret| !secret.is_empty());
        secrets.fold(text, |text, secret| text.replace(secret, "[redacted]"))
    };
    // Again without what is not shown: a secret with an invisible character in it is shown without that.
    let clean = redacted(printable(&redacted(text.to_owned())));
    let words = clean
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| {
            if word.chars().count() > LONGEST_WORD {
                "[…]".to_owned()
            } else {
                word.to_owned()
            }
        });
    let mut quoted = String::new();
    for word in words {
        if !quoted.is_empty() {
            quoted.push(' ');
        }
        quoted.push_str(&word);
        if quoted.chars().count() > SHOWN {
            quoted = quoted.chars().take(SHOWN).collect();
            quoted.push('…');
            break;
        }
    }
    quoted
}

/// Without invisible characters that could reorder or hide parts of a log line.
fn printable(text: &str) -> String {
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}');
    text.chars().filter(|c| !hidden(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_printable_and_free_of_secrets() {
        let long = "x ".repeat(300);
        let jwt = format!("token {} refused", "eyJ0".repeat(40));
        let table = [
            ("  Forbidden\r\n\tRequest\u{7} ", &[][..], "Forbidden Request"),
            ("bad secret s3cr3t!", &["s3cr3t"][..], "bad secret [redacted]!"),
            (
                "bad secret s3\u{fffd}cr3t!",
                &["s3cr3t"][..],
                "bad secret [redacted]!",
            ),
            (
                "bad secret s3\u{200b}cr\u{feff}3t!",
                &["s3cr3t"][..],
                "bad secret [redacted]!",
            ),
            (
                "bad secret s3\u{200b}cr3t!",
                &["s3\u{200b}cr3t"][..],
                "bad secret [redacted]!",
            ),
            ("a\u{202e}b", &[][..], "ab"),
            ("unchanged", &[""][..], "unchanged"),
            (jwt.as_str(), &[][..], "token […] refused"),
            ("", &[][..], ""),
        ];
        for (text, secrets, expected) in table {
            assert_eq!(quote(text, secrets), expected, "{text}");
        }
        let cut = quote(&long, &[]);
        assert_eq!(cut.chars().count(), 201);
        assert!(cut.ends_with('…'));
    }
}
