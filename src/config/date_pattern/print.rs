//! Prints an instant by a pattern.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::names::{MONTHS, WEEKDAYS, short};
use super::{Field, Token, zone_names};

pub(super) fn print(tokens: &[Token], instant: Timestamp, zone: &TimeZone) -> String {
    let info = zone.to_offset_info(instant);
    let local = info.offset().to_datetime(instant);
    let seconds = info.offset().seconds();
    let minutes = seconds / 60;
    let mut out = String::new();
    for token in tokens {
        match token {
            Token::Literal(text) => out.push_str(text),
            Token::Field(field, count) => {
                // Writing to a String cannot fail.
                let _ = match field {
                    Field::ZoneName => zone_name(&mut out, zone, info.dst().is_dst(), minutes, *count),
                    Field::Rfc822Zone => write!(out, "{}{:04}", sign(minutes), hhmm(minutes)),
                    Field::Iso8601Zone if seconds == 0 => out.write_str("Z"),
                    Field::Iso8601Zone => iso_zone(&mut out, minutes, *count),
                    _ => date_field(&mut out, *field, *count, local),
                };
            }
        }
    }
    out
}

fn date_field(out: &mut String, field: Field, count: usize, local: DateTime) -> std::fmt::Result {
    match field {
        Field::Era => out.write_str(if local.year() > 0 { "AD" } else { "BC" }),
        Field::Year => year(out, year_of_era(local.year()), count),
        Field::WeekYear => year(out, week_year(local.date()), count),
        Field::Month if count >= 3 => name(out, &MONTHS, i32::from(local.month()) - 1, count),
        Field::Weekday => name(
            out,
            &WEEKDAYS,
            i32::from(local.weekday().to_sunday_zero_offset()),
            count,
        ),
        Field::AmPm => out.write_str(if local.hour() < 12 { "AM" } else { "PM" }),
        Field::Fraction => write!(out, "{:0count$}", local.subsec_nanosecond() / 1_000_000),
        _ => write!(out, "{:0count$}", number(field, local)),
    }
}

fn number(field: Field, local: DateTime) -> i32 {
    let hour = i32::from(local.hour());
    match field {
        Field::Month => i32::from(local.month()),
        Field::Week => week(local.date()),
        Field::WeekOfMonth => week_from(i32::from(local.day()) - 1, local.date()),
        Field::Day => i32::from(local.day()),
        Field::DayOfYear => i32::from(local.day_of_year()),
        Field::WeekdayNumber => i32::from(local.weekday().to_monday_one_offset()),
        Field::WeekdayInMonth => (i32::from(local.day()) - 1) / 7 + 1,
        Field::Hour => hour,
        Field::HourFrom1 => (hour + 23) % 24 + 1,
        Field::HalfDayHour => hour % 12,
        Field::HalfDayHourFrom1 => (hour + 11) % 12 + 1,
        Field::Minute => i32::from(local.minute()),
        Field::Second => i32::from(local.second()),
        // The fields that are no plain numbers are printed by `date_field`.
        _ => 0,
    }
}

/// Two letters print two digits, any other count at least so many.
fn year(out: &mut String, year: i32, count: usize) -> std::fmt::Result {
    if count == 2 {
        write!(out, "{:02}", year % 100)
    } else {
        write!(out, "{year:0count$}")
    }
}

/// The year before 1 AD is 1 BC.
fn year_of_era(year: i16) -> i32 {
    let year = i32::from(year);
    if year > 0 { year } else { 1 - year }
}

/// The year of the Saturday that ends the date's week: in the US week 1 is the one with 1 January in it.
fn week_year(date: Date) -> i32 {
    let year = i32::from(date.year());
    if i32::from(date.day_of_year()) + days_to_saturday(date) > i32::from(date.days_in_year()) {
        year + 1
    } else {
        year
    }
}

fn week(date: Date) -> i32 {
    if week_year(date) > i32::from(date.year()) {
        1
    } else {
        week_from(i32::from(date.day_of_year()) - 1, date)
    }
}

/// The number of the week, from Sunday, that `date` is in, `days` after the day that is in week 1.
fn week_from(days: i32, date: Date) -> i32 {
    (days + days_to_saturday(date)) / 7 + 1
}

fn days_to_saturday(date: Date) -> i32 {
    6 - i32::from(date.weekday().to_sunday_zero_offset())
}

fn name(out: &mut String, names: &[&'static str], index: i32, count: usize) -> std::fmt::Result {
    let name = usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index))
        .copied()
        .unwrap_or_default();
    out.write_str(if count >= 4 { name } else { short(name) })
}

fn sign(minutes: i32) -> char {
    if minutes < 0 { '-' } else { '+' }
}

/// 330 minutes as the number 530.
fn hhmm(minutes: i32) -> i32 {
    minutes.abs() / 60 * 100 + minutes.abs() % 60
}

fn iso_zone(out: &mut String, minutes: i32, count: usize) -> std::fmt::Result {
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    match count {
        1 => write!(out, "{}{hours:02}", sign(minutes)),
        2 => write!(out, "{}{hours:02}{rest:02}", sign(minutes)),
        _ => write!(out, "{}{hours:02}:{rest:02}", sign(minutes)),
    }
}

/// The zone's name, or `GMT-08:00` for one that has only an offset.
fn zone_name(out: &mut String, zone: &TimeZone, dst: bool, minutes: i32, count: usize) -> std::fmt::Result {
    match zone_names::of(zone) {
        Some(names) => {
            let [standard, daylight] = if count >= 4 { names.long } else { names.short };
            out.write_str(if dst { daylight } else { standard })
        }
        None if minutes == 0 => out.write_str("GMT"),
        None => write!(
            out,
            "GMT{}{:02}:{:02}",
            sign(minutes),
            minutes.abs() / 60,
            minutes.abs() % 60
        ),
    }
}
