//! `application/x-www-form-urlencoded`, for query strings and the token endpoint's bodies.

/// Decodes the pairs in order; a broken percent escape stays as it is.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// The first value of a name, empty values counting as missing.
pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(n, v)| n == name && !v.is_empty())
        .map(|(_, v)| v.as_str())
}

pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = if byte == b'%' {
            bytes.get(at + 1..at + 3).and_then(hex)
        } else {
            None
        };
        match escape {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Encodes a value for a query string.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn hex(digits: &[u8]) -> Option<u8> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_pairs() {
        let got = pairs("user=ALL&a=1%2B1+x&broken=%zz%4&flag&=v");
        let want = [
            ("user", "ALL"),
            ("a", "1+1 x"),
            ("broken", "%zz%4"),
            ("flag", ""),
            ("", "v"),
        ]
        .map(|(n, v)| (n.into(), v.into()));
        assert_eq!(got, want);
        assert_eq!(value(&got, "user"), Some("ALL"));
        assert_eq!(value(&got, "flag"), None);
        let text = "a b+c%/ü~";
        assert_eq!(
            (encode(text).as_str(), decode(&encode(text)).as_str()),
            ("a%20b%2Bc%25%2F%C3%BC~", text)
        );
    }
}
