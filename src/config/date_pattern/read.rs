//! Reads a printed date by a pattern, in one pass over the text.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use super::names::{MONTHS, WEEKDAYS, ZONES, short};
use super::{Field, Token};

/// What was wrong, as the middle of a sentence.
pub(super) type Reason = &'static str;

pub(super) fn epoch_milliseconds(text: &str) -> Result<Timestamp, Reason> {
    let millis: i64 = text
        .trim()
        .parse()
        .map_err(|_| "it is no whole number of milliseconds")?;
    Timestamp::from_millisecond(millis).map_err(|_| "it lies beyond the year 9999")
}

pub(super) fn read(tokens: &[Token], text: &str, zone: &TimeZone) -> Result<Timestamp, Reason> {
    let mut reader = Reader {
        rest: text.trim(),
        found: Found::default(),
    };
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match token {
            Token::Literal(literal) => reader.literal(literal, next)?,
            Token::Field(field, count) => reader.field(*field, *count, next)?,
        }
    }
    reader.tail(tokens)?;
    reader.found.instant(zone)
}

/// The text not read yet, and what was read.
struct Reader<'a> {
    rest: &'a str,
    found: Found,
}

impl<'a> Reader<'a> {
    /// A separator before a fraction may be absent together with it.
    fn literal(&mut self, literal: &str, next: Option<&Token>) -> Result<(), Reason> {
        if let Some(rest) = self.rest.strip_prefix(literal) {
            self.rest = rest;
            return Ok(());
        }
        if matches!(next, Some(Token::Field(Field::Fraction, _)))
            && let Some(before) = literal.strip_suffix(['.', ','])
            && let Some(rest) = self.rest.strip_prefix(before)
            && !rest.starts_with(|c: char| c.is_ascii_digit())
        {
            self.rest = rest;
            return Ok(());
        }
        Err("its separators are not those of the pattern")
    }

    fn field(&mut self, field: Field, count: usize, next: Option<&Token>) -> Result<(), Reason> {
        if field == Field::Fraction {
            return self.fraction(count, next);
        }
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        // Fields that touch share their digits by count, as in yyyyMMdd.
        let limit = if matches!(next, Some(Token::Field(..))) {
            count
        } else {
            usize::MAX
        };
        match field {
            Field::Era => {
                self.found.era = Some(self.name(&[&["AD", "Anno Domini"], &["BC", "Before Christ"]])? == 0)
            }
            Field::Year | Field::WeekYear => self.found.year = Some(self.year(count, limit)?),
            Field::Month if count >= 3 => {
                let names = MONTHS.map(|name| [name, short(name)]);
                self.found.month = Some(self.one_of(names.iter().map(<[_; 2]>::as_slice))? + 1);
            }
            Field::Month => self.found.month = Some(self.number(limit, 1, 12)?),
            Field::Day => self.found.day = Some(self.number(limit, 1, 31)?),
            Field::DayOfYear => self.found.day_of_year = Some(self.number(limit, 1, 366)?),
            Field::Weekday => {
                let names = WEEKDAYS.map(|name| [name, short(name)]);
                self.one_of(names.iter().map(<[_; 2]>::as_slice))?;
            }
            Field::AmPm => self.found.afternoon = Some(self.name(&[&["AM"], &["PM"]])? == 1),
            Field::Hour => self.found.hour = Some(self.number(limit, 0, 23)?),
            Field::HourFrom1 => self.found.hour = Some(self.number(limit, 1, 24)? % 24),
            Field::HalfDayHour => self.found.half_day_hour = Some(self.number(limit, 0, 11)?),
            Field::HalfDayHourFrom1 => self.found.half_day_hour = Some(self.number(limit, 1, 12)? % 12),
            Field::Minute => self.found.minute = self.number(limit, 0, 59)?,
            Field::Second => self.second(limit, next)?,
            Field::Fraction => {}
            Field::ZoneName | Field::Rfc822Zone | Field::Iso8601Zone => {
                self.found.offset = Some(
                    self.offset()
                        .ok_or("it has no time zone where the pattern has one")?,
                );
            }
        }
        Ok(())
    }

    /// Digits of at most `limit` length, in a range.
    fn number(&mut self, limit: usize, least: i32, most: i32) -> Result<i32, Reason> {
        let digits = self.digits(limit);
        let number: i32 = digits
            .parse()
            .map_err(|_| "it has no digits where the pattern has a number")?;
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err("a part of it is out of range")
        }
    }

    fn digits(&mut self, limit: usize) -> &'a str {
        let end = self
            .rest
            .bytes()
            .take(limit)
            .take_while(u8::is_ascii_digit)
            .count();
        let (digits, rest) = self.rest.split_at_checked(end).unwrap_or(("", self.rest));
        self.rest = rest;
        digits
    }

    /// A leap second is read as the second before it, which is what the vendors' own clocks show.
    fn second(&mut self, limit: usize, next: Option<&Token>) -> Result<(), Reason> {
        self.found.second = self.number(limit, 0, 60)?.min(59);
        let fraction_follows = match next {
            Some(Token::Field(Field::Fraction, _)) => true,
            Some(Token::Literal(literal)) => literal.starts_with(['.', ',']),
            _ => false,
        };
        if !fraction_follows && let Some(after) = self.rest.strip_prefix(['.', ',']) {
            let mut fraction = Reader {
                rest: after,
                found: Found::default(),
            };
            if after.starts_with(|c: char| c.is_ascii_digit()) {
                fraction.fraction(usize::MAX, None)?;
                self.found.nanos = fraction.found.nanos;
                self.rest = fraction.rest;
            }
        }
        Ok(())
    }

    /// Digits of any number, a decimal fraction of a second; more than nine are cut.
    fn fraction(&mut self, count: usize, next: Option<&Token>) -> Result<(), Reason> {
        let touches_number = matches!(next, Some(Token::Field(field, _)) if !field.is_zone());
        let digits = self.digits(if touches_number { count } else { usize::MAX });
        self.found.nanos = 0;
        let mut place = 100_000_000;
        for digit in digits.bytes().take(9) {
            self.found.nanos += place * i32::from(digit - b'0');
            place /= 10;
        }
        Ok(())
    }

    /// `yy` reads 70 to 99 as 1970 to 1999 and 00 to 69 as 2000 to 2069.
    fn year(&mut self, count: usize, limit: usize) -> Result<i32, Reason> {
        let before = self.rest.len();
        let year = self.number(if count == 2 { limit } else { limit.max(4) }, 0, 9999)?;
        let short = before - self.rest.len() <= 2;
        match (count <= 2, short) {
            (true, true) => Ok(if year < 70 { 2000 + year } else { 1900 + year }),
            (false, true) => Err("its year has too few digits"),
            _ => Ok(year),
        }
    }

    fn name(&mut self, names: &[&[&str]]) -> Result<i32, Reason> {
        self.one_of(names.iter().copied())
    }

    /// The number of the name the text begins with, case aside; a longer name wins over its beginning.
    fn one_of<'n>(&mut self, names: impl Iterator<Item = &'n [&'n str]>) -> Result<i32, Reason> {
        let mut best: Option<(usize, i32)> = None;
        for (index, forms) in (0..).zip(names) {
            for form in forms {
                let longer = best.is_none_or(|(length, _)| form.len() > length);
                if longer && starts_with_ignoring_case(self.rest, form) {
                    best = Some((form.len(), index));
                }
            }
        }
        let (length, index) = best.ok_or("it has an unknown name")?;
        self.rest = self.rest.get(length..).unwrap_or_default();
        Ok(index)
    }

    /// `Z`, `+00`, `+0000`, `+00:00`, `GMT`, `GMT+2`, `PST`, `Pacific Standard Time`.
    fn offset(&mut self) -> Option<Offset> {
        if let Some(offset) = self.numeric_offset() {
            return Some(offset);
        }
        for zone in ZONES.iter().filter(|zone| !zone.long.is_empty()) {
            if starts_with_ignoring_case(self.rest, zone.long) {
                self.rest = self.rest.get(zone.long.len()..)?;
                return Offset::from_seconds(zone.minutes * 60).ok();
            }
        }
        let end = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        if name.eq_ignore_ascii_case("Z") {
            return Some(Offset::UTC);
        }
        let offset = abbreviation(name)?;
        if matches!(name, "GMT" | "UTC") {
            self.numeric_offset().or(Some(offset))
        } else {
            Some(offset)
        }
    }

    fn numeric_offset(&mut self) -> Option<Offset> {
        let sign = match self.rest.bytes().next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut ahead = Reader {
            rest: self.rest.get(1..)?,
            found: Found::default(),
        };
        let digits = ahead.digits(4);
        let (hours, mut minutes) = match digits.len() {
            1 | 2 => (digits, "0"),
            3 | 4 => digits.split_at_checked(digits.len() - 2)?,
            _ => return None,
        };
        if digits.len() <= 2
            && let Some(after) = ahead.rest.strip_prefix(':')
        {
            ahead.rest = after;
            minutes = ahead.digits(2);
            if minutes.len() != 2 {
                return None;
            }
        }
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        self.rest = ahead.rest;
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }

    /// Nothing may be left but an offset the pattern does not name.
    fn tail(&mut self, tokens: &[Token]) -> Result<(), Reason> {
        let ends_with_time = matches!(
            tokens.last(),
            Some(Token::Field(
                Field::Minute | Field::Second | Field::Fraction | Field::Hour,
                _
            ))
        );
        if ends_with_time && self.found.offset.is_none() && self.rest.starts_with(['Z', '+', '-']) {
            self.found.offset = self.offset();
        }
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err("it goes on behind the end of the pattern")
        }
    }
}

impl Field {
    fn is_zone(self) -> bool {
        matches!(self, Field::ZoneName | Field::Rfc822Zone | Field::Iso8601Zone)
    }
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn abbreviation(name: &str) -> Option<Offset> {
    let zone = ZONES.iter().find(|zone| zone.short.eq_ignore_ascii_case(name))?;
    Offset::from_seconds(zone.minutes * 60).ok()
}

/// The parts that were read; what is absent is the beginning of 1970, as in Java.
#[derive(Default)]
struct Found {
    /// True after Christ.
    era: Option<bool>,
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    day_of_year: Option<i32>,
    hour: Option<i32>,
    half_day_hour: Option<i32>,
    afternoon: Option<bool>,
    minute: i32,
    second: i32,
    nanos: i32,
    offset: Option<Offset>,
}

impl Found {
    /// An hour that daylight saving repeats is the later one, one that it skips is an hour later, as in Java.
    fn instant(&self, zone: &TimeZone) -> Result<Timestamp, Reason> {
        let local = self.local().ok_or("there is no such day")?;
        let fixed;
        let zone = match self.offset {
            Some(offset) => {
                fixed = TimeZone::fixed(offset);
                &fixed
            }
            None => zone,
        };
        zone.to_ambiguous_timestamp(local)
            .later()
            .map_err(|_| "it lies beyond the year 9999")
    }

    fn local(&self) -> Option<DateTime> {
        let year = match (self.year.unwrap_or(1970), self.era) {
            (year, Some(false)) => 1 - year,
            (year, _) => year,
        };
        let year = i16::try_from(year).ok()?;
        let date = match (self.day_of_year, self.month, self.day) {
            (Some(day), None, None) => Date::new(year, 1, 1)
                .ok()?
                .with()
                .day_of_year(i16::try_from(day).ok()?)
                .build()
                .ok()?,
            (_, month, day) => Date::new(
                year,
                i8::try_from(month.unwrap_or(1)).ok()?,
                i8::try_from(day.unwrap_or(1)).ok()?,
            )
            .ok()?,
        };
        let half = self
            .half_day_hour
            .map(|hour| hour + if self.afternoon == Some(true) { 12 } else { 0 });
        let hour = i8::try_from(self.hour.or(half).unwrap_or(0)).ok()?;
        let (minute, second) = (i8::try_from(self.minute).ok()?, i8::try_from(self.second).ok()?);
        let time = jiff::civil::Time::new(hour, minute, second, self.nanos).ok()?;
        Some(date.to_datetime(time))
    }
}
