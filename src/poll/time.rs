//! Arithmetic on instants that saturates, since vendors send dates such as 9999-12-31.

use jiff::{SignedDuration, Timestamp};

/// The instant before every vendor date.
pub(super) const BEGINNING: Timestamp = Timestamp::MIN;

/// `at + by`, never beyond the representable end.
pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// `at - by`, never before the representable beginning.
pub(super) fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(if by.is_negative() {
        Timestamp::MAX
    } else {
        Timestamp::MIN
    })
}
