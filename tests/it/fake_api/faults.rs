//! Faults on demand.

use super::route::{Route, Verb};

/// Selects requests.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    verb: Option<Verb>,
    plural: String,
    name: Option<String>,
    status: Option<bool>,
}

/// Requests that do this to the resource, on the object itself or on its status.
pub(crate) fn on(verb: Verb, plural: &str) -> Matcher {
    Matcher {
        verb: Some(verb),
        ..any(plural)
    }
}

/// All requests about the resource.
pub(crate) fn any(plural: &str) -> Matcher {
    Matcher {
        verb: None,
        plural: plural.to_owned(),
        name: None,
        status: None,
    }
}

impl Matcher {
    /// Only those about the object of this name.
    pub(crate) fn named(self, name: &str) -> Matcher {
        Matcher {
            name: Some(name.to_owned()),
            ..self
        }
    }

    /// Only those about the status subresource.
    pub(crate) fn status(self) -> Matcher {
        Matcher {
            status: Some(true),
            ..self
        }
    }

    /// Only those that are not about the status subresource.
    pub(crate) fn main(self) -> Matcher {
        Matcher {
            status: Some(false),
            ..self
        }
    }

    pub(crate) fn matches(&self, route: &Route) -> bool {
        self.verb.is_none_or(|verb| verb == route.verb)
            && route.resource.is_called(&self.plural)
            && self.name.as_ref().is_none_or(|name| *name == route.name)
            && self.status.is_none_or(|status| status == route.status)
    }
}

/// What happens instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done and this status is answered.
    Status(u16),
    /// Nothing is done and no answer ever comes.
    Hang,
    /// It is done, and the connection breaks before the answer.
    LoseAnswer,
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Matcher, Fault, usize)>);

impl Faults {
    pub(crate) fn add(&mut self, matcher: Matcher, fault: Fault, times: usize) {
        self.0.push((matcher, fault, times));
    }

    pub(crate) fn take(&mut self, route: &Route) -> Option<Fault> {
        let (_, fault, times) = self
            .0
            .iter_mut()
            .find(|(matcher, _, times)| *times > 0 && matcher.matches(route))?;
        *times -= 1;
        Some(*fault)
    }

    pub(crate) fn pending(&self) -> usize {
        self.0.iter().map(|(_, _, times)| times).sum()
    }
}
