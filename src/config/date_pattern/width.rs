//! How much time a text printed by a pattern stands for.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Field, Token, has};
use crate::config::zone;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What clocks are set back by at most when daylight saving ends.
const SET_BACK: SignedDuration = SignedDuration::from_hours(2);

/// Width in a zone whose clocks are never set. The digits a JDK prints for `S` are a decimal fraction only if
/// there are three, so any other count tells whole seconds.
pub(super) fn printed(tokens: &[Token]) -> SignedDuration {
    let millis = tokens.contains(&Token::Field(Field::Fraction, 3));
    let fraction = if millis {
        SignedDuration::from_millis(1)
    } else {
        SECOND
    };
    let half_named = has(tokens, |field| field == Field::AmPm);
    width(tokens, half_named, fraction)
}

/// A single `X` cuts the minutes of an offset, and then tells the hour only.
pub(super) fn printed_in(tokens: &[Token], zone: &TimeZone) -> SignedDuration {
    let zone = Facts::of(zone);
    let width = with_set_back(printed(tokens), &zone);
    if zone.part_hours && tokens.contains(&Token::Field(Field::Iso8601Zone, 1)) {
        width.max(HOUR)
    } else {
        width
    }
}

/// Values are read as printed by anybody. One or two digits of a fraction are most often the `.0` of whole seconds.
pub(super) fn read_in(tokens: &[Token], zone: &TimeZone) -> SignedDuration {
    let digits = tokens.iter().find_map(|token| match token {
        Token::Field(Field::Fraction, count) if *count >= 3 => u32::try_from((*count).min(9)).ok(),
        _ => None,
    });
    let fraction = digits.map_or(SECOND, |digits| {
        SignedDuration::from_nanos(10_i64.pow(9 - digits))
    });
    with_set_back(width(tokens, true, fraction), &Facts::of(zone))
}

fn with_set_back(width: SignedDuration, zone: &Facts) -> SignedDuration {
    if zone.sets_clocks && width >= HOUR {
        width.saturating_add(SET_BACK)
    } else {
        width
    }
}

/// The finest part that is there with all parts between it and the coarsest: `yyyy-MM-dd mm` tells the day.
fn width(tokens: &[Token], half_named: bool, fraction: SignedDuration) -> SignedDuration {
    let is = |wanted: &[Field]| has(tokens, |field| wanted.contains(&field));
    let week = is(&[Field::Week]);
    let day_of_week = week && is(&[Field::Weekday, Field::WeekdayNumber]);
    let day_of_year = is(&[Field::DayOfYear]) || day_of_week;
    let half_day_hour = is(&[Field::HalfDayHour, Field::HalfDayHourFrom1]);
    let month = is(&[Field::Month]) || week || day_of_year;
    let parts = [
        (is(&[Field::Year, Field::WeekYear]), DAY * 366),
        (month, DAY * if week { 7 } else { 31 }),
        (is(&[Field::Day]) || day_of_year, DAY),
        (
            is(&[Field::Hour, Field::HourFrom1]) || half_day_hour && half_named,
            HOUR,
        ),
        (is(&[Field::Minute]), SignedDuration::from_mins(1)),
        (is(&[Field::Second]), SECOND),
        (is(&[Field::Fraction]), fraction),
    ];
    let unbroken = parts
        .iter()
        .skip_while(|(there, _)| !there)
        .take_while(|(there, _)| *there);
    match unbroken.last() {
        Some((_, width)) => *width,
        // A weekday or the half of a day alone.
        None => DAY * 7,
    }
}

/// What of a zone makes printed texts wider.
struct Facts {
    sets_clocks: bool,
    part_hours: bool,
}

impl Facts {
    fn of(zone: &TimeZone) -> Self {
        let offsets: Vec<_> = zone::offsets(zone, Timestamp::UNIX_EPOCH).collect();
        Self {
            sets_clocks: offsets.len() > 1,
            part_hours: offsets.iter().any(|offset| offset.seconds() % 3600 != 0),
        }
    }
}
