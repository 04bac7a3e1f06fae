//! Prints an instant by a pattern.

use std::fmt::Write;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::names::{MONTHS, WEEKDAYS, ZONES, short};
use super::{Field, Token};

pub(super) fn print(tokens: &[Token], instant: Timestamp, zone: &TimeZone) -> String {
    let info = zone.to_offset_info(instant);
    let local = info.offset().to_datetime(instant);
    let minutes = info.offset().seconds().div_euclid(60);
    let mut out = String::new();
    for token in tokens {
        match token {
            Token::Literal(text) => out.push_str(text),
            Token::Field(field, count) => {
                // Writing to a String cannot fail.
                let _ = match field {
                    Field::ZoneName => zone_name(&mut out, info.abbreviation(), minutes, *count),
                    Field::Rfc822Zone => write!(out, "{}{:04}", sign(minutes), hhmm(minutes)),
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
        Field::Year => year(out, local.year(), count),
        Field::WeekYear => year(out, week_year(local.date()), count),
        Field::Month if count >= 3 => name(out, &MONTHS, i32::from(local.month()) - 1, count),
        Field::Weekday => name(
            out,
            &WEEKDAYS,
            i32::from(local.weekday().to_sunday_zero_offset()),
            count,
        ),
        Field::AmPm => out.write_str(if local.hour() < 12 { "AM" } else { "PM" }),
        Field::Fraction => {
            let nanos = format!("{:09}", local.subsec_nanosecond());
            write!(out, "{:0<count$}", nanos.get(..count.min(9)).unwrap_or_default())
        }
        _ => write!(out, "{:0count$}", number(field, local)),
    }
}

fn number(field: Field, local: DateTime) -> i32 {
    let hour = i32::from(local.hour());
    match field {
        Field::Month => i32::from(local.month()),
        Field::Day => i32::from(local.day()),
        Field::DayOfYear => i32::from(local.day_of_year()),
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
fn year(out: &mut String, year: i16, count: usize) -> std::fmt::Result {
    let of_era = if year > 0 {
        i32::from(year)
    } else {
        1 - i32::from(year)
    };
    if count == 2 {
        write!(out, "{:02}", of_era % 100)
    } else {
        write!(out, "{of_era:0count$}")
    }
}

/// The year of the Saturday that ends the date's week: in the US week 1 is the one with 1 January in it.
fn week_year(date: Date) -> i16 {
    let days = 6 - i32::from(date.weekday().to_sunday_zero_offset());
    date.checked_add(days.days()).map_or(date.year(), Date::year)
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
        _ if minutes == 0 => out.write_str("Z"),
        1 if rest == 0 => write!(out, "{}{hours:02}", sign(minutes)),
        1 | 2 => write!(out, "{}{hours:02}{rest:02}", sign(minutes)),
        _ => write!(out, "{}{hours:02}:{rest:02}", sign(minutes)),
    }
}

/// The zone's name, or `GMT-08:00` where the zone database knows none.
fn zone_name(out: &mut String, abbreviation: &str, minutes: i32, count: usize) -> std::fmt::Result {
    let named = abbreviation.chars().all(|c| c.is_ascii_alphabetic());
    let known = ZONES
        .iter()
        .find(|zone| zone.short == abbreviation && zone.minutes == minutes);
    match known {
        Some(zone) if count >= 4 && !zone.long.is_empty() => out.write_str(zone.long),
        _ if named && count < 4 => out.write_str(abbreviation),
        _ if minutes == 0 => out.write_str("GMT"),
        _ => write!(
            out,
            "GMT{}{:02}:{:02}",
            sign(minutes),
            minutes.abs() / 60,
            minutes.abs() % 60
        ),
    }
}
