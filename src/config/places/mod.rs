//! A document as a tree in which each key and item knows its place, so that problems can be told with theirs.

mod path;

use std::collections::HashMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use self::path::{Segment, segments};
use super::problem::join;

/// Line and column of a character, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

impl Place {
    fn of(at: serde_saphyr::Location) -> Self {
        Self {
            line: usize::try_from(at.line()).unwrap_or(1).max(1),
            column: usize::try_from(at.column()).unwrap_or(1).max(1),
        }
    }

    /// The place right after `text`, which begins here.
    pub(crate) fn after(self, text: &str) -> Self {
        match text.rsplit_once('\n') {
            None => Self {
                line: self.line,
                column: self.column + text.chars().count(),
            },
            Some((before, last)) => Self {
                line: self.line + 1 + before.matches('\n').count(),
                column: 1 + last.chars().count(),
            },
        }
    }

    /// A place of a text that begins at `base`.
    pub(crate) fn from(self, base: Place) -> Self {
        let column = if self.line == 1 {
            base.column - 1 + self.column
        } else {
            self.column
        };
        Self {
            line: base.line - 1 + self.line,
            column,
        }
    }
}

/// A value and where it begins.
#[derive(Clone)]
pub(crate) struct Node {
    at: Place,
    content: Content,
}

/// Not what it holds, which may be secret.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<(Place, String, Node)>),
}

/// A key that stands in a mapping more than once.
pub(crate) struct Repeated {
    pub(crate) path: String,
    /// Where it stands first, and where again.
    pub(crate) first: Place,
    pub(crate) again: Place,
}

/// Where a YAML text cannot be read, and why, on one line.
pub(crate) fn fault(error: &serde_saphyr::Error) -> (Place, String) {
    let at = error.location().map_or(Place::default(), Place::of);
    let message = error.to_string();
    let what = message.lines().next().unwrap_or_default();
    let what = what.split(" at line ").next().unwrap_or_default();
    (at, what.to_owned())
}

impl Node {
    /// A node of which nothing but the beginning is known.
    pub(crate) fn nowhere(at: Place) -> Self {
        Self {
            at,
            content: Content::Scalar(Value::Null),
        }
    }

    /// Where the document begins: at its first key, if it has one.
    pub(crate) fn begin(&self) -> Place {
        match &self.content {
            Content::Map(entries) => entries.first().map_or(self.at, |(at, ..)| *at),
            _ => self.at,
        }
    }

    /// What stands under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(entries) => entries
                .iter()
                .rfind(|(_, name, _)| name == key)
                .map(|(.., node)| node),
            _ => None,
        }
    }

    /// A bare instance as the object it becomes, with everything at its place.
    pub(crate) fn into_object(self) -> Self {
        let (begin, at) = (self.begin(), self.at);
        let name = match &self.content {
            Content::Map(entries) => entries.iter().rfind(|(_, key, _)| key == "name").cloned(),
            _ => None,
        };
        let metadata = Self {
            at,
            content: Content::Map(name.into_iter().collect()),
        };
        let spec = (begin, "spec".to_owned(), self);
        Self {
            at,
            content: Content::Map(vec![spec, (begin, "metadata".to_owned(), metadata)]),
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(self) -> Vec<Node> {
        match self.content {
            Content::List(items) => items,
            _ => Vec::new(),
        }
    }

    /// The place of the deepest part of `path` that is there.
    pub(crate) fn locate(&self, path: &str) -> Place {
        self.find(path).1
    }

    /// How many steps of `path` are there, and the place of the last of them.
    pub(crate) fn find(&self, path: &str) -> (usize, Place) {
        let (mut node, mut place, mut depth) = (self, self.begin(), 0);
        for segment in segments(path) {
            let next = match (&node.content, &segment) {
                // Of a key that stands twice the last one counts.
                (Content::Map(entries), Segment::Key(key)) => entries
                    .iter()
                    .rfind(|(_, name, _)| name == key)
                    .map(|(at, _, node)| (*at, node)),
                (Content::List(items), Segment::Index(index)) => {
                    items.get(*index).map(|item| (item.at, item))
                }
                _ => None,
            };
            let Some((at, found)) = next else { break };
            (place, node) = (at, found);
            depth += 1;
        }
        (depth, place)
    }

    /// Keys that stand more than once in their mapping.
    pub(crate) fn repeated(&self) -> Vec<Repeated> {
        let mut found = Vec::new();
        self.collect_repeated("", &mut found);
        found
    }

    fn collect_repeated(&self, path: &str, found: &mut Vec<Repeated>) {
        match &self.content {
            Content::Scalar(_) => {}
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.collect_repeated(&format!("{path}[{index}]"), found);
                }
            }
            Content::Map(entries) => {
                let mut seen = HashMap::new();
                for (again, key, node) in entries {
                    let path = join(path, key);
                    let path = path.strip_prefix('.').unwrap_or(&path);
                    if let Some(first) = seen.get(key) {
                        found.push(Repeated {
                            path: path.to_owned(),
                            first: *first,
                            again: *again,
                        });
                    } else {
                        seen.insert(key, *again);
                    }
                    node.collect_repeated(path, found);
                }
            }
        }
    }

    /// The value itself; of a key that stands more than once, the last.
    pub(crate) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Node::value).collect(),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|(_, key, node)| (key.clone(), node.value()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// Moves everything to a text that begins at `base`.
    pub(crate) fn shift(&mut self, base: Place) {
        self.at = self.at.from(base);
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.shift(base)),
            Content::Map(entries) => entries.iter_mut().for_each(|(at, _, node)| {
                *at = at.from(base);
                node.shift(base);
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self {
            at: Place::of(spanned.referenced),
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
        Ok(Content::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(value.to_string())))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(
            Number::from_f64(value).map_or(Value::Null, Value::Number),
        ))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(value.to_owned())))
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
            let at = Place::of(key.referenced);
            map.push((at, key.value, entries.next_value()?));
        }
        Ok(Content::Map(map))
    }
}
