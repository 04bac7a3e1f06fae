//! Where each key and item of a YAML text stands.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// Line and column, counted from 1.
pub(super) type Place = (u64, u64);

/// A value whose parts know their places.
pub(super) struct Node {
    at: Place,
    content: Content,
}

enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<(Place, String, Node)>),
}

impl Node {
    /// The value without places.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Node::value).collect(),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|(_, key, node)| (key.clone(), node.value()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// The place of the deepest part of `path` that is there.
    pub(super) fn locate(&self, path: &str) -> Place {
        match &self.content {
            Content::Map(entries) => {
                let deeper = entries.iter().find_map(|(at, key, node)| {
                    let rest = under(path, &crate::config::join("", key)).or_else(|| under(path, key))?;
                    Some((*at, node, rest))
                });
                match deeper {
                    Some((at, _, "")) => at,
                    Some((at, node, rest)) => node.locate_within(rest, at),
                    None => entries.first().map_or(self.at, |(at, ..)| *at),
                }
            }
            Content::List(items) => {
                let deeper = items
                    .iter()
                    .enumerate()
                    .find_map(|(index, node)| Some((node, under(path, &format!("[{index}]"))?)));
                match deeper {
                    Some((node, rest)) => node.locate_within(rest, node.at),
                    None => self.at,
                }
            }
            Content::Scalar(_) => self.at,
        }
    }

    /// The same below `at`, which stands where the path leads nowhere.
    fn locate_within(&self, path: &str, at: Place) -> Place {
        let leads_on = match &self.content {
            Content::Map(entries) => entries.iter().any(|(_, key, _)| {
                under(path, &crate::config::join("", key)).is_some() || under(path, key).is_some()
            }),
            Content::List(_) => path.starts_with('['),
            Content::Scalar(_) => false,
        };
        if leads_on { self.locate(path) } else { at }
    }
}

/// What of `path` follows `step`, if that is its first step.
fn under<'a>(path: &'a str, step: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(step)?;
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}

fn place(at: serde_saphyr::Location) -> Place {
    (at.line().max(1), at.column().max(1))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self {
            at: place(spanned.referenced),
            content: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string().into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string().into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(
            Number::from_f64(value).map_or(Value::Null, Value::Number),
        ))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            map.push((place(key.referenced), key.value, entries.next_value()?));
        }
        Ok(Content::Map(map))
    }
}
