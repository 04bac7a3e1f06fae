//! What a poll would send about one record.

use jiff::Timestamp;

use super::Instance;
use super::delivery::{News, events};
use super::resource::origin;
use crate::config::ResourceSettings;
use crate::deliver::{Notification, notification};
use crate::element::Listing;
use crate::poll::{Change, Memory, Record, Rules};

/// The notification of one change, if it were found at `polled_at`.
pub fn preview(
    instance: &Instance,
    resource: &ResourceSettings,
    listing: &Listing,
    rules: &Rules,
    memory: &Memory,
    (record, change): (Record, Change),
    polled_at: Timestamp,
) -> Notification {
    let origin = origin(instance, listing, resource, polled_at);
    notification(
        &origin,
        &events(rules, memory, &News { record, change }, polled_at),
    )
}
