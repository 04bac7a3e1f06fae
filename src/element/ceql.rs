//! The `where` clauses of Cloud Elements (CEQL), as far as pollers use them: comparisons joined by `and`.

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// What is compared.
    pub(super) field: String,
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, or a word such as `in` and `like`.
    pub(super) operator: String,
    /// The literal without its quotes.
    pub(super) value: String,
}

/// The terms of a clause whose macros have been replaced; an empty clause has none.
pub(super) fn parse(clause: &str) -> Result<Vec<Term>, String> {
    let mut rest = clause.trim();
    let mut terms = Vec::new();
    while !rest.is_empty() {
        let (term, after) = term(rest)?;
        terms.push(term);
        rest = match conjunction(after)? {
            Some(more) => more,
            None => break,
        };
    }
    Ok(terms)
}

fn term(text: &str) -> Result<(Term, &str), String> {
    let end = text
        .find(|c: char| c.is_whitespace() || "=<>!'".contains(c))
        .unwrap_or(text.len());
    let (field, rest) = text.split_at(end);
    if field.is_empty() {
        return Err(format!("a field name is missing before {text:?}"));
    }
    let (operator, rest) =
        operator(rest.trim_start()).ok_or_else(|| format!("{field} is not compared with anything"))?;
    let (value, rest) = literal(rest.trim_start())?;
    let term = Term {
        field: field.to_owned(),
        operator: operator.to_lowercase(),
        value,
    };
    Ok((term, rest))
}

fn operator(text: &str) -> Option<(&str, &str)> {
    let symbol = |c: char| "=<>!".contains(c);
    let end = if text.starts_with(symbol) {
        text.find(|c| !symbol(c)).unwrap_or(text.len())
    } else {
        text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())
    };
    (end > 0).then(|| text.split_at(end))
}

/// A quoted literal, in which a doubled quote is a quote, or a bare one up to the next blank.
fn literal(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (bare, rest) = text.split_at(end);
        return match bare {
            "" => Err("the value is missing at its end".to_owned()),
            bare if bare.contains(['\'', '"', '(']) => Err(format!("{bare:?} is no value")),
            bare => Ok((bare.to_owned(), rest)),
        };
    };
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let Some((part, after)) = rest.split_once('\'') else {
            return Err(format!("the quote before {quoted:?} is never closed"));
        };
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Ok((value, after)),
        }
    }
}

/// What follows `and`; `None` at the end of the clause.
fn conjunction(text: &str) -> Result<Option<&str>, String> {
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return Ok(None);
    }
    let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
    let (word, rest) = trimmed.split_at(end);
    if !word.eq_ignore_ascii_case("and") || text.len() == trimmed.len() {
        return Err(format!("terms can only be joined by `and`, not by {word:?}"));
    }
    match rest.trim_start() {
        "" => Err("a term is missing after `and`".to_owned()),
        more => Ok(Some(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses() {
        type Terms = &'static [(&'static str, &'static str, &'static str)];
        let table: &[(&str, Result<Terms, &str>)] = &[
            ("", Ok(&[])),
            ("  ", Ok(&[])),
            ("a='b'", Ok(&[("a", "=", "b")])),
            ("a = 'b' ", Ok(&[("a", "=", "b")])),
            ("a='it''s'", Ok(&[("a", "=", "it's")])),
            ("a=''", Ok(&[("a", "=", "")])),
            (
                "a=7 and b='x and y' AND c=true",
                Ok(&[("a", "=", "7"), ("b", "=", "x and y"), ("c", "=", "true")]),
            ),
            ("modified>='2026-01-02'", Ok(&[("modified", ">=", "2026-01-02")])),
            ("a LIKE 'x%'", Ok(&[("a", "like", "x%")])),
            ("a!=1", Ok(&[("a", "!=", "1")])),
            ("a='b", Err("never closed")),
            ("a", Err("not compared")),
            ("a=", Err("value is missing")),
            ("='b'", Err("field name is missing")),
            ("a='b' or c='d'", Err("joined by `and`")),
            ("a='b'and c='d'", Err("joined by `and`")),
            ("a='b' and", Err("missing after `and`")),
            ("a in ('b','c')", Err("is no value")),
        ];
        for (clause, expected) in table {
            match (parse(clause), expected) {
                (Ok(terms), Ok(expected)) => {
                    let terms: Vec<_> = terms
                        .iter()
                        .map(|t| (t.field.as_str(), t.operator.as_str(), t.value.as_str()))
                        .collect();
                    assert_eq!(terms, *expected, "{clause}");
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{clause}: {error}"),
                (result, _) => panic!("{clause}: {result:?}"),
            }
        }
    }
}
