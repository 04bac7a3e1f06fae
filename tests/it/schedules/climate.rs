//! What stays the same during a schedule: the vendor's habits, everybody's clocks, the settings.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pollinator::config::{
    DateField, DatePattern, FieldPath, IdField, InitialSync, RecordTraits, ResourceSettings, Secrets,
    Settings, UrlTemplate, read,
};
use pollinator::poll::Rules;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::world::ordinary_spec;

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const DAY: i64 = 86_400 * SECOND;

/// True time at which every schedule begins, milliseconds of Unix time: noon.
pub(super) const BEGIN: i64 = 20_000 * DAY + DAY / 2;

/// How much time a printed date stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    Millisecond,
    Second,
    Day,
}

/// The dates that the configuration names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    Both,
    UpdatedOnly,
    /// `filterByUpdatedDate: false`.
    CreatedStandsIn,
    /// The element says that changes leave no trace in the dates.
    CreatedAndBodies,
    Undated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Id,
    Created,
    ModifiedAscending,
    ModifiedDescending,
    /// Another one for every request.
    Unstable,
}

/// The unit in which the vendor compares a filter date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Exact,
    ThreeHundredth,
    Second,
    /// The dates of records are cut as well.
    Day,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    FromNow,
    Baseline,
    Backfill { minutes_ago: i64 },
}

/// Times are in milliseconds; a clock's error is that clock less true time.
#[derive(Clone, Debug)]
pub(super) struct Climate {
    pub(super) dates: Dates,
    /// The URL asks for what changed since the last poll.
    pub(super) filtered: bool,
    pub(super) order: Order,
    pub(super) page_size: usize,
    /// Records that a page repeats from the page before.
    pub(super) overlap: usize,
    pub(super) inclusive: bool,
    pub(super) rounding: Rounding,
    pub(super) updated_width: Width,
    pub(super) created_width: Width,
    pub(super) url_width: Width,
    pub(super) database_error: i64,
    /// None where the vendor sends no `Date`.
    pub(super) date_error: Option<i64>,
    pub(super) our_error: i64,
    pub(super) lookback: i64,
    pub(super) tolerance: i64,
    pub(super) start: Start,
    /// `filterByCurrentDate`.
    pub(super) holds_future: bool,
    /// Events of a notification; small, so that few records make several.
    pub(super) batch: usize,
    pub(super) in_flight: usize,
    /// Time between two moments of a poll.
    pub(super) pace: i64,
    /// Records existing before the first start.
    pub(super) stock: usize,
    /// One instant is printed `.5` and `.500` in turn.
    pub(super) prints_differently: bool,
    /// Records carry a field that is another one in every answer.
    pub(super) volatile: bool,
    /// An edit goes back to the content before the last; only where records have no dates.
    pub(super) content_returns: bool,
}

/// Kinds of climates, so that each gets its share of the cases.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quarter {
    /// Dates in milliseconds and several pages.
    Shifting,
    /// Dates in seconds or days.
    Granular,
    /// No dates, or dates that tell little.
    Undated,
    /// Clocks of all kinds, one page or several.
    Clocks,
}

pub(super) const ORDINARY: Climate = Climate {
    dates: Dates::Both,
    filtered: true,
    order: Order::Id,
    page_size: 50,
    overlap: 0,
    inclusive: false,
    rounding: Rounding::Exact,
    updated_width: Width::Millisecond,
    created_width: Width::Millisecond,
    url_width: Width::Millisecond,
    database_error: 0,
    date_error: Some(0),
    our_error: 0,
    lookback: MINUTE,
    tolerance: 10 * SECOND,
    start: Start::FromNow,
    holds_future: false,
    batch: 2,
    in_flight: 1,
    pace: 200,
    stock: 3,
    prints_differently: false,
    volatile: false,
    content_returns: false,
};

impl Width {
    pub(super) fn ms(self) -> i64 {
        match self {
            Self::Millisecond => 1,
            Self::Second => SECOND,
            Self::Day => DAY,
        }
    }

    pub(super) fn cut(self, at: i64) -> i64 {
        at - at.rem_euclid(self.ms())
    }

    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::Millisecond => "yyyy-MM-dd'T'HH:mm:ss.SSS",
            Self::Second => "yyyy-MM-dd'T'HH:mm:ss",
            Self::Day => "yyyy-MM-dd",
        }
    }
}

impl Climate {
    /// Takes back what no poller can cope with, so that what is left are the assumptions of the guarantees.
    fn within_assumptions(mut self) -> Self {
        let dated = matches!(
            self.dates,
            Dates::Both | Dates::UpdatedOnly | Dates::CreatedStandsIn
        );
        let version_width = match self.dates {
            Dates::CreatedStandsIn => self.created_width,
            _ => self.updated_width,
        };
        if !dated || version_width != Width::Millisecond {
            // The clock is the cursor, or says when a date's granule is over: not both clocks may run ahead of the
            // one that dates the changes.
            let clock = self.date_error.unwrap_or(self.our_error).min(self.our_error);
            self.database_error = self.database_error.max(clock);
        }
        if matches!(
            self.dates,
            Dates::CreatedStandsIn | Dates::CreatedAndBodies | Dates::Undated
        ) {
            // The vendor's own business, as long as he filters by it.
            self.updated_width = Width::Millisecond;
        }
        // The first poll looks ten minutes back, and no more.
        let clock_error = self.date_error.unwrap_or(self.our_error);
        if clock_error - self.database_error > 9 * MINUTE {
            self.database_error = clock_error;
        }
        self.content_returns &= !dated;
        // Where bodies are compared, a date printed differently is a change.
        self.prints_differently &= dated && version_width == Width::Millisecond;
        if self.dates == Dates::CreatedStandsIn || !self.filtered {
            self.rounding = Rounding::Exact;
        }
        // A vendor that compares days and says so nowhere hides what changed today.
        let says_days = self.url_width == Width::Day || (dated && self.updated_width == Width::Day);
        if self.rounding == Rounding::Day && !says_days {
            self.rounding = Rounding::Second;
        }
        self.overlap = self.overlap.min(self.page_size - 1);
        self
    }

    /// Records have a date by which versions are told apart.
    pub(super) fn dated(&self) -> bool {
        matches!(
            self.dates,
            Dates::Both | Dates::UpdatedOnly | Dates::CreatedStandsIn
        )
    }

    /// Every pass reads everything and compares.
    pub(super) fn compares_whole_listing(&self) -> bool {
        !self.dated() && !self.filtered
    }

    pub(super) fn has_created(&self) -> bool {
        matches!(
            self.dates,
            Dates::Both | Dates::CreatedStandsIn | Dates::CreatedAndBodies
        )
    }

    /// How much later than its own date a change may become visible.
    pub(super) fn latest_lag(&self) -> i64 {
        (self.lookback - 5 * SECOND).clamp(0, 45 * SECOND)
    }

    pub(super) fn rules(&self) -> Rules {
        let mut settings = SETTINGS.clone();
        settings.lookback = duration(self.lookback);
        settings.initial_sync = match self.start {
            Start::FromNow => InitialSync::FromNow,
            Start::Baseline => InitialSync::Baseline,
            Start::Backfill { minutes_ago } => InitialSync::Backfill {
                since: timestamp(BEGIN - minutes_ago * MINUTE),
            },
        };
        let url = if self.filtered {
            format!(
                "/hubs/expense/reports?where=modifiedDateAfter='${{date:{}}}'",
                self.url_width.pattern()
            )
        } else {
            "/hubs/expense/reports".to_owned()
        };
        let date = |wanted: bool, field: &str, width: Width| {
            let path = FieldPath::parse(field).unwrap();
            let pattern = DatePattern::parse(width.pattern()).unwrap();
            wanted.then(|| DateField::new(path, pattern, TimeZone::UTC))
        };
        let resource = ResourceSettings {
            name: "reports".into(),
            url: UrlTemplate::parse(&url).unwrap(),
            id_field: id_field(),
            updated: date(
                !matches!(self.dates, Dates::Undated | Dates::CreatedAndBodies),
                "updated",
                self.updated_width,
            ),
            created: date(self.has_created(), "created", self.created_width),
            filter_by_updated_date: self.dates != Dates::CreatedStandsIn,
            filter_by_current_date: self.holds_future,
            created_check_tolerance: duration(self.tolerance),
            page_size: None,
            poll_delay: Duration::ZERO,
        };
        let traits = RecordTraits {
            volatile: vec!["echo".into()],
            compares_bodies: !self.dated(),
            ..RecordTraits::default()
        };
        Rules::new("uid", &settings, &resource, traits)
    }
}

pub(super) fn id_field() -> IdField {
    IdField::Path(FieldPath::parse("id").unwrap())
}

pub(super) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn duration(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let spec = serde_json::from_value(ordinary_spec()).unwrap();
    read(
        "concur",
        &spec,
        &Secrets::default(),
        pollinator::element::catalogue(),
    )
    .settings
    .unwrap()
});

/// Climates of one quarter; each field shrinks to the ordinary.
pub(super) fn climates(quarter: Quarter) -> impl Strategy<Value = Climate> {
    use Width::{Day, Millisecond, Second};
    let (dates, widths, errors, pages): (
        &'static [Dates],
        &'static [Width],
        &'static [i64],
        &'static [usize],
    ) = match quarter {
        Quarter::Shifting => (
            &[Dates::Both, Dates::UpdatedOnly],
            &[Millisecond],
            &[0],
            &[3, 2, 2, 4],
        ),
        Quarter::Granular => (
            &[
                Dates::Both,
                Dates::Both,
                Dates::UpdatedOnly,
                Dates::CreatedStandsIn,
            ],
            &[Millisecond, Second, Second, Day],
            &[0, 0, -7 * MINUTE, 7 * MINUTE],
            &[50, 2, 3],
        ),
        Quarter::Undated => (
            &[Dates::Undated, Dates::CreatedAndBodies, Dates::CreatedStandsIn],
            &[Millisecond, Second, Day],
            &[0, 0, -7 * MINUTE, 7 * MINUTE],
            &[50, 2, 3],
        ),
        Quarter::Clocks => (
            &[Dates::Both, Dates::Both, Dates::UpdatedOnly],
            &[Millisecond],
            &[0, -7 * MINUTE, 7 * MINUTE, -20 * SECOND, 20 * SECOND],
            &[50, 3, 2],
        ),
    };
    let vendor = (
        select(dates),
        prop::bool::weighted(0.75),
        select(
            &[
                Order::Id,
                Order::Created,
                Order::ModifiedAscending,
                Order::ModifiedDescending,
                Order::Unstable,
            ][..],
        ),
        select(pages),
        select(&[0, 0, 0, 0, 0, 1][..]),
        any::<bool>(),
        select(
            &[
                Rounding::Exact,
                Rounding::ThreeHundredth,
                Rounding::Second,
                Rounding::Day,
            ][..],
        ),
    );
    let dates_and_clocks = (
        select(widths),
        select(widths),
        select(&[Millisecond, Millisecond, Second, Day][..]),
        select(errors),
        prop_oneof![4 => select(errors).prop_map(Some), 1 => Just(None)],
        select(errors),
    );
    let settings = (
        select(&[MINUTE, MINUTE, SECOND, 10 * MINUTE][..]),
        select(&[10 * SECOND, 0, MINUTE][..]),
        prop_oneof![
            3 => Just(Start::FromNow),
            2 => Just(Start::Baseline),
            2 => (0..20i64).prop_map(|minutes_ago| Start::Backfill { minutes_ago }),
        ],
        prop::bool::weighted(0.2),
        2..5usize,
        1..3usize,
    );
    let texture = (
        select(&[200, 200, 200, 4 * SECOND, 35 * SECOND][..]),
        0..6usize,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    (vendor, dates_and_clocks, settings, texture).prop_map(|(vendor, clocks, settings, texture)| {
        let (dates, filtered, order, page_size, overlap, inclusive, rounding) = vendor;
        let (updated_width, created_width, url_width, database_error, date_error, our_error) = clocks;
        let (lookback, tolerance, start, holds_future, batch, in_flight) = settings;
        let (pace, stock, prints_differently, volatile, content_returns) = texture;
        Climate {
            dates,
            filtered,
            order,
            page_size,
            overlap,
            inclusive,
            rounding,
            updated_width,
            created_width,
            url_width,
            database_error,
            date_error,
            our_error,
            lookback,
            tolerance,
            start,
            holds_future,
            batch,
            in_flight,
            pace,
            stock,
            prints_differently,
            volatile,
            content_returns,
        }
        .within_assumptions()
    })
}
