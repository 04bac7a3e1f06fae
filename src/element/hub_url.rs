//! A resource's `url` after its macros were replaced, as users write it: mostly unencoded, with or without
//! `/hubs/<hub>`.

/// The parts of a hub URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HubUrl<'a> {
    /// Scheme and host, where the URL is absolute.
    pub(super) origin: Option<&'a str>,
    /// Path as written, without slashes around it.
    written: &'a str,
    /// Absolute path without a trailing slash, decoded.
    pub(super) path: String,
    /// Query parameters in their order, decoded.
    pub(super) query: Vec<(String, String)>,
}

/// Takes a rendered URL apart; blanks around it do not count.
pub(super) fn parse(url: &str) -> HubUrl<'_> {
    let (origin, url) = split_origin(url.trim());
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let query = split_unquoted(query)
        .into_iter()
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name.trim()), decode(value.trim()))
        })
        .collect();
    HubUrl {
        origin,
        written: path.trim().trim_matches('/'),
        path: format!("/{}", decode(path).trim().trim_matches('/')),
        query,
    }
}

/// Scheme and host of an absolute URL, and the rest.
fn split_origin(url: &str) -> (Option<&str>, &str) {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let Some(scheme) = scheme else {
        return (None, url);
    };
    let end = url[scheme.len()..]
        .find(['/', '?'])
        .map_or(url.len(), |end| scheme.len() + end);
    let (origin, rest) = url.split_at(end);
    (Some(origin), rest)
}

impl HubUrl<'_> {
    /// The path as it is requested: encoded where it was not.
    pub(super) fn encoded_path(&self) -> String {
        let mut path = String::from("/");
        let mut rest = self.written;
        while let Some(c) = rest.chars().next() {
            let (one, after) = rest.split_at(c.len_utf8());
            let is_encoded = c == '%' && {
                let bytes = after.as_bytes();
                bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit)
            };
            if is_encoded || (c != '%' && "/:@!$&'()*+,;=".contains(c)) {
                path.push(c);
            } else {
                encode_into(&mut path, one);
            }
            rest = after;
        }
        path
    }

    /// The hub that the path names, `crm` of `/hubs/crm/contacts`.
    pub(super) fn hub(&self) -> Option<&str> {
        let (_, rest) = self.path.split_once("/hubs/")?;
        rest.split('/').next().filter(|hub| !hub.is_empty())
    }

    /// A step of the path that would leave it.
    pub(super) fn has_dots(&self) -> bool {
        self.path.split('/').any(|step| step == "." || step == "..")
    }
}

/// Whether `path` names a resource of a hub, written in full or below the hub.
pub(super) fn names(path: &str, name: &str, hub: &str) -> bool {
    let rest = path
        .strip_prefix("/hubs/")
        .and_then(|rest| rest.strip_prefix(hub))
        .unwrap_or(path);
    rest.strip_prefix('/') == Some(name)
}

/// Splits at `&` outside of single quotes. Where one of them has no partner, as in `name=O'Brien`, only those of CEQL
/// count, lest it swallow what follows.
fn split_unquoted(query: &str) -> Vec<&str> {
    let paired = query.matches('\'').count().is_multiple_of(2);
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in query.char_indices() {
        match c {
            '\'' => quoted ^= paired || query[start..].trim_start().starts_with("where="),
            '&' if !quoted => {
                parts.push(&query[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&query[start..]);
    parts
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

/// The query of `url` with `name` set to `value`, everything else as it was.
pub(super) fn with_parameter(query: Option<&str>, name: &str, value: &str) -> String {
    let new = encode([(name, value)]);
    let mut found = false;
    let mut parts: Vec<&str> = Vec::new();
    for part in query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty())
    {
        if is_parameter(part, name) {
            if !found {
                parts.push(&new);
            }
            found = true;
        } else {
            parts.push(part);
        }
    }
    if !found {
        parts.push(&new);
    }
    parts.join("&")
}

/// The value of a query parameter, decoded.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let part = query?.split('&').find(|part| is_parameter(part, name))?;
    Some(decode(part.split_once('=').map_or("", |(_, value)| value)))
}

fn is_parameter(part: &str, name: &str) -> bool {
    decode(part.split('=').next().unwrap_or_default()) == name
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
            (
                "/reports?vendorName=O'Brien&limit=5&where=a='x & y'",
                "/reports",
                &[("vendorName", "O'Brien"), ("limit", "5"), ("where", "a='x & y'")],
            ),
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
            ("/hubs/expense", false),
            ("/hubs/expensereports", false),
            ("//reports", false),
            ("/hubs/expense/reports/1", false),
            ("/hubs/expense/reports", true),
            ("/reports", true),
            ("/expense/reports", false),
            ("/hubs/finance/reports", false),
            ("/report", false),
            ("/", false),
        ] {
            assert_eq!(names(path, "reports", "expense"), expected, "{path}");
        }
    }

    #[test]
    fn paths_are_encoded_where_they_were_not() {
        for (url, path, hub) in [
            ("/hubs/crm/contacts?x=1", "/hubs/crm/contacts", Some("crm")),
            (" hubs/crm/a b/ü ", "/hubs/crm/a%20b/%C3%BC", Some("crm")),
            (
                "/hubs/x/a%2Fb/50%/%zz%",
                "/hubs/x/a%2Fb/50%25/%25zz%25",
                Some("x"),
            ),
            (
                "/hubs/scheduling/calendars/a@b.c/changed-events",
                "/hubs/scheduling/calendars/a@b.c/changed-events",
                Some("scheduling"),
            ),
            ("/accounts", "/accounts", None),
            ("/hubs", "/hubs", None),
            ("", "/", None),
            (
                "https://h.example/api/hubs/crm/x?y",
                "/api/hubs/crm/x",
                Some("crm"),
            ),
        ] {
            let parsed = parse(url);
            assert_eq!(
                (parsed.encoded_path().as_str(), parsed.hub()),
                (path, hub),
                "{url}"
            );
            assert_eq!(url.contains("://"), parsed.origin.is_some());
        }
        for url in ["/a/../b", "/a/%2e%2E/b", "/.", "/a/%2E"] {
            assert!(parse(url).has_dots(), "{url}");
        }
        assert!(!parse("/a..b/...").has_dots());
    }

    #[test]
    fn one_parameter_is_replaced() {
        for (query, expected) in [
            (None, "p%20q=7"),
            (Some("a=1&where=x%3D'y'"), "a=1&where=x%3D'y'&p%20q=7"),
            (Some("p%20q=1&b&&p q=2&c="), "p%20q=7&b&c="),
        ] {
            let replaced = with_parameter(query, "p q", "7");
            assert_eq!(replaced, expected, "{query:?}");
            assert_eq!(parameter(Some(&replaced), "p q").as_deref(), Some("7"));
        }
        assert_eq!(parameter(Some("ab=1"), "a"), None);
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
