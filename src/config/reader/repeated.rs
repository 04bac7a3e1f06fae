//! Names that stand more than once in one object of JSON text, which a map would lose in silence.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The way to each repeated name, from the top; none where the text is no JSON.
pub(super) fn repeated_names(json: &str) -> Vec<Vec<String>> {
    let mut search = Search::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    match (&mut search).deserialize(&mut deserializer) {
        Ok(()) => search.repeated,
        Err(_) => Vec::new(),
    }
}

#[derive(Default)]
struct Search {
    way: Vec<String>,
    repeated: Vec<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for &mut Search {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Search {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            self.way.push(name.clone());
            if !seen.insert(name) {
                self.repeated.push(self.way.clone());
            }
            map.next_value_seed(&mut *self)?;
            self.way.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::repeated_names;

    #[test]
    fn finds_what_a_map_loses() {
        for (json, expected) in [
            (r#"{"a": 1, "a": 2}"#, "a"),
            (
                r#"{"a": {"b": 1, "c": [{"d": null, "d": true}], "b": 2.5}}"#,
                "a.c.d a.b",
            ),
            (r#"{"a": {"b": -1}, "c": {"b": "x"}}"#, ""),
            ("[1", ""),
            ("7", ""),
        ] {
            let found: Vec<_> = repeated_names(json).iter().map(|way| way.join(".")).collect();
            assert_eq!(found.join(" "), expected, "{json}");
        }
    }
}
