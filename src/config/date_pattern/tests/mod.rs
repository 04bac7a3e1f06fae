//! Patterns against the JDK, and where they differ on purpose.

mod jdk;
mod patterns;
mod properties;
mod reading;
mod widths;

use super::*;
use crate::config::zone;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn pattern(text: &str) -> DatePattern {
    DatePattern::parse(text).unwrap()
}

/// Patterns found in configurations and in the documentation.
const OCCURRING: &[&str] = &[
    "milliseconds",
    "seconds",
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "yyyy-MM-dd'T'HH:mm:ssZ",
    "EEE, dd MMM yyyy HH:mm:ss Z",
    "MM/dd/yyyy HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ss.SSS",
    "dd/MM/yyyy",
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "yyyy-MM-dd",
    "yyyy-MM-dd'T'HH:mmz",
    "yyyy-MM-dd'T'HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd' 'HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ssSSSSSSXXX",
    "yyyy-MM-dd'T'HH:mm:ssX",
    "MM/dd/yyy'T'HH:mm:ssXXX",
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "yyyy-MM-dd HH:mm:ss -0800",
    "yyyy/MM/dd HH:mm:ss",
    "MM/dd/yyyy",
    "MM/dd/yyyy'T'HH:mm:ssXXX",
    "dd/MM/yyyy'T'HH:mm:ssXXX",
];
