//! The key that signs notifications, in what people hand over as one.

/// A key of which nothing is left without its line break; nobody can tell whether none was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is nothing but a line break")]
pub struct OnlyLineBreak;

/// The key in `given`, and whether it is shorter than that by a line break.
///
/// Any bytes are a key, and none of them is trimmed. Only the one line break with which editors and `echo` end a file
/// of text is not part of it; bytes that are no UTF-8 are no text.
///
/// # Errors
/// Where there is nothing but a line break.
pub fn signature_key(given: &[u8]) -> Result<(&[u8], bool), OnlyLineBreak> {
    let key = match given {
        [key @ .., b'\r', b'\n'] | [key @ .., b'\n'] if std::str::from_utf8(given).is_ok() => key,
        key => key,
    };
    if key.is_empty() && !given.is_empty() {
        return Err(OnlyLineBreak);
    }
    Ok((key, key.len() < given.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_of_a_text_is_not_part_of_it() {
        for (given, expected) in [
            (&b""[..], Ok((&b""[..], false))),
            (b"key", Ok((b"key", false))),
            (b" key\t ", Ok((b" key\t ", false))),
            (b"key\n", Ok((b"key", true))),
            (b"key\r\n", Ok((b"key", true))),
            (b"key\n\n", Ok((b"key\n", true))),
            (b"key\r", Ok((b"key\r", false))),
            (b"\nkey", Ok((b"\nkey", false))),
            (b"   ", Ok((b"   ", false))),
            (b" \n", Ok((b" ", true))),
            (b"\xff\n", Ok((b"\xff\n", false))),
            (b"\0", Ok((b"\0", false))),
            (b"\n", Err(OnlyLineBreak)),
            (b"\r\n", Err(OnlyLineBreak)),
        ] {
            assert_eq!(signature_key(given), expected, "{given:?}");
        }
    }
}
