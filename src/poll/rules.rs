//! What of the settings decides how a listing's records are judged.

use std::time::Duration;

use jiff::SignedDuration;

use crate::config::{DateField, DeletedMark, InitialSync, RecordTraits, ResourceSettings, Settings};

/// Constant facts of one polled resource.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Uid of the instance; part of every event id.
    pub instance_uid: String,
    /// Name of the resource; part of every event id.
    pub resource: String,
    /// How late a change may become visible after its own date, at least one second.
    pub lookback: SignedDuration,
    /// `createdCheckTolerance`.
    pub tolerance: SignedDuration,
    /// `pollDelay`.
    pub poll_delay: SignedDuration,
    /// The date that orders versions: the updated date, or the created one where it stands in.
    pub updated: Option<DateField>,
    /// The created date.
    pub created: Option<DateField>,
    /// Width of the coarsest last-poll macro of the URL.
    pub url_granule: SignedDuration,
    /// Whether the URL asks for changes since the last poll.
    pub has_macro: bool,
    /// `filterByCurrentDate`.
    pub hold_future: bool,
    /// What the first poll does.
    pub initial_sync: InitialSync,
    /// Top-level fields that differ between two reads of the same version.
    pub volatile: Vec<String>,
    /// How a record says that its object was deleted.
    pub deleted: Option<DeletedMark>,
}

impl Rules {
    /// The rules of `resource` of the instance `uid`; `traits` come from the element's definition.
    pub fn new(uid: &str, settings: &Settings, resource: &ResourceSettings, traits: RecordTraits) -> Self {
        let (updated, created) = (&resource.updated, &resource.created);
        let updated = match updated {
            // Even one that is configured: the listing does not print it, or not truly.
            _ if traits.compares_bodies => None,
            _ if resource.filter_by_updated_date => updated.clone().or_else(|| created.clone()),
            _ => created.clone().or_else(|| updated.clone()),
        };
        Self {
            instance_uid: uid.to_owned(),
            resource: resource.name.clone(),
            lookback: signed(settings.lookback).max(SignedDuration::from_secs(1)),
            tolerance: signed(resource.created_check_tolerance),
            poll_delay: signed(resource.poll_delay),
            updated,
            created: created.clone(),
            url_granule: resource.url.granule(),
            has_macro: resource.url.has_macro(),
            hold_future: resource.filter_by_current_date,
            initial_sync: settings.initial_sync,
            volatile: traits.volatile,
            deleted: traits.deleted,
        }
    }

    /// Width of the updated date; zero where records have none.
    pub(super) fn updated_granule(&self) -> SignedDuration {
        self.updated
            .as_ref()
            .map_or(SignedDuration::ZERO, DateField::granule)
    }

    /// Width of the created date where it may stand in for the updated one.
    pub(super) fn stand_in_granule(&self) -> SignedDuration {
        self.updated
            .as_ref()
            .map_or(SignedDuration::ZERO, |_| self.created_granule())
    }

    /// Width of the created date; zero where records have none.
    pub(super) fn created_granule(&self) -> SignedDuration {
        self.created
            .as_ref()
            .map_or(SignedDuration::ZERO, DateField::granule)
    }

    /// Records carry no date and the URL no macro: every pass reads everything and compares.
    pub(super) fn compares_whole_listing(&self) -> bool {
        self.updated.is_none() && !self.has_macro
    }

    /// Two edits within one granule cannot be told apart by date, so the body takes part in the version.
    pub(super) fn body_in_version(&self) -> bool {
        self.updated_granule() >= SignedDuration::from_secs(1)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
