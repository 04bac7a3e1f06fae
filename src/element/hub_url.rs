//! A resource's `url` after its macros were replaced, as users write it: mostly unencoded, with or without
//! `/hubs/<hub>`.

/// The parts of a hub URL, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HubUrl {
    /// Absolute path without a trailing slash.
    pub(super) path: String,
    /// Query parameters in their order.
    pub(super) query: Vec<(String, String)>,
}

/// Takes a rendered URL apart; blanks around it do not count.
pub(super) fn parse(url: &str) -> HubUrl {
    let (path, query) = match url.trim().split_once('?') {
        Some((path, query)) => (path, query),
        None => (url.trim(), ""),
    };
    let query = split_unquoted(query)
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name.trim()), decode(value.trim()))
        })
        .collect();
    HubUrl {
        path: format!("/{}", decode(path).trim_matches('/')),
        query,
    }
}

/// Whether `path` names the resource with the given hub path, written in full or below its hub.
pub(super) fn names(path: &str, hub_path: &str, hub: &str) -> bool {
    path == hub_path
        || hub_path
            .strip_prefix("/hubs/")
            .and_then(|rest| rest.strip_prefix(hub))
            == Some(path)
}

/// Splits at `&` outside of CEQL's single quotes.
fn split_unquoted(query: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    query.split(move |c| {
        quoted ^= c == '\'';
        c == '&' && !quoted
    })
}

/// Replaces `%XX`; whatever is no valid encoding of UTF-8 stays, and so does `+`, since zone offsets have it.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let pair = match after {
            [high, low, ..] if first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// A query string that any server reads back as `pairs`: everything but unreserved characters and the `:,/@` of
/// dates, lists and logins is percent-encoded; blanks are `%20`, which not every server reads from `+`.
pub(super) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        encode_into(&mut query, name);
        query.push('=');
        encode_into(&mut query, value);
    }
    query
}

fn encode_into(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:,/@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_as_users_write_them() {
        type Query = &'static [(&'static str, &'static str)];
        let table: &[(&str, &str, Query)] = &[
            ("/hubs/expense/reports", "/hubs/expense/reports", &[]),
            (" /hubs/expense/reports/ ", "/hubs/expense/reports", &[]),
            ("reports?", "/reports", &[]),
            (
                "/reports?where=a='x & y'&user=ALL",
                "/reports",
                &[("where", "a='x & y'"), ("user", "ALL")],
            ),
            ("/reports?where=a%20=%20'b'", "/reports", &[("where", "a = 'b'")]),
            (
                "/reports?d=2026-01-01T00:00:00+02:00",
                "/reports",
                &[("d", "2026-01-01T00:00:00+02:00")],
            ),
            (
                "/reports?p=100%&q=%zz&r=%ff",
                "/reports",
                &[("p", "100%"), ("q", "%zz"), ("r", "%ff")],
            ),
            ("/reports?flag&x=1", "/reports", &[("flag", ""), ("x", "1")]),
        ];
        for (url, path, query) in table {
            let parsed = parse(url);
            let pairs: Vec<_> = parsed
                .query
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            assert_eq!((parsed.path.as_str(), pairs.as_slice()), (*path, *query), "{url}");
        }
    }

    #[test]
    fn paths_with_and_without_the_hub() {
        for (path, expected) in [
            ("/hubs/expense/reports", true),
            ("/reports", true),
            ("/expense/reports", false),
            ("/hubs/finance/reports", false),
            ("/report", false),
            ("/", false),
        ] {
            assert_eq!(
                names(path, "/hubs/expense/reports", "expense"),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn encoding_is_read_back_by_url() {
        let pairs = [
            ("a", "2026-01-01T00:00:00.000"),
            ("b", "x & y=z+w #%'ü"),
            ("user", "jane@example.com"),
        ];
        let query = encode(pairs);
        assert_eq!(
            query,
            "a=2026-01-01T00:00:00.000&b=x%20%26%20y%3Dz%2Bw%20%23%25%27%C3%BC&user=jane@example.com"
        );
        let mut url = url::Url::parse("https://example.com/").unwrap();
        url.set_query(Some(&query));
        assert_eq!(url.query(), Some(query.as_str()));
        let back: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert_eq!(back, pairs.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
}
