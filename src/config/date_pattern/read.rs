//! Reads a printed date by a pattern, in one pass over the text that never goes back.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::names::{MONTHS, WEEKDAYS, short};
use super::read_zone::ZoneRead;
use super::{Field, Token};

/// What was wrong, as the middle of a sentence.
pub(super) type Reason = &'static str;

/// Longest text that is read, in bytes; no date is as long.
const LONGEST: usize = 200;

pub(super) fn read(tokens: &[Token], text: &str, zone: &TimeZone) -> Result<Timestamp, Reason> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err("it is longer than any date");
    }
    let mut reader = Reader::new(text, zone);
    reader.pattern(tokens)?;
    reader.found.instant(zone)
}

/// The text not read yet, and what was read.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
    /// The zone of a text that names none.
    pub(super) zone: &'a TimeZone,
    found: Found,
    /// A pattern with `h` or `K` and without `a` means the hour of the day: else it would tell no time.
    whole_day_hours: bool,
    /// Bytes looked at, so that a test can compare it with the length of pattern and text.
    pub(super) looked_at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a str, zone: &'a TimeZone) -> Self {
        Self {
            rest,
            zone,
            found: Found::default(),
            whole_day_hours: false,
            looked_at: 0,
        }
    }

    pub(super) fn pattern(&mut self, tokens: &[Token]) -> Result<(), Reason> {
        self.whole_day_hours = !super::has(tokens, |field| field == Field::AmPm);
        for (at, token) in tokens.iter().enumerate() {
            let next = tokens.get(at + 1);
            match token {
                Token::Literal(literal) => self.literal(literal, next)?,
                Token::Field(field, count) => self.field(*field, *count, next)?,
            }
        }
        self.tail(tokens)
    }

    /// A separator before a fraction may be absent together with it.
    fn literal(&mut self, literal: &str, next: Option<&Token>) -> Result<(), Reason> {
        self.looked_at += 2 * literal.len();
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
            self.fraction(count, next);
            return Ok(());
        }
        self.blanks();
        // Fields that touch share their digits by count, as in yyyyMMdd.
        let limit = if matches!(next, Some(Token::Field(..))) {
            count
        } else {
            usize::MAX
        };
        match field {
            Field::Era => {
                self.found.before_christ = self.name(&[["AD", "Anno Domini"], ["BC", "Before Christ"]])? == 1
            }
            Field::Year | Field::WeekYear => self.found.year = Some(self.year(count, limit)?),
            Field::Month if count >= 3 => {
                self.found.month = Some(self.name(&MONTHS.map(|name| [name, short(name)]))? + 1);
            }
            Field::Month => self.found.month = Some(self.number(limit, 1, 12)?),
            Field::Week => self.found.week = Some(self.number(limit, 1, 53)?),
            Field::WeekOfMonth => self.ignored(limit, 1, 6)?,
            Field::Day => self.found.day = Some(self.number(limit, 1, 31)?),
            Field::DayOfYear => self.found.day_of_year = Some(self.number(limit, 1, 366)?),
            Field::Weekday => self.found.weekday = self.name(&WEEKDAYS.map(|name| [name, short(name)]))?,
            Field::WeekdayNumber => self.found.weekday = self.number(limit, 1, 7)? % 7,
            Field::WeekdayInMonth => self.ignored(limit, 1, 5)?,
            Field::AmPm => self.found.afternoon = self.name(&[["AM", "A.M."], ["PM", "P.M."]])? == 1,
            Field::Hour => self.found.hour = Some(self.number(limit, 0, 23)?),
            Field::HourFrom1 => self.found.hour = Some(self.number(limit, 1, 24)? % 24),
            Field::HalfDayHour | Field::HalfDayHourFrom1 if self.whole_day_hours => {
                self.found.hour = Some(self.number(limit, 0, 23)?);
            }
            Field::HalfDayHour => self.found.half_day_hour = Some(self.number(limit, 0, 11)?),
            Field::HalfDayHourFrom1 => self.found.half_day_hour = Some(self.number(limit, 1, 12)? % 12),
            Field::Minute => self.found.minute = self.number(limit, 0, 59)?,
            Field::Second => self.second(limit, next)?,
            Field::Fraction => {}
            Field::ZoneName | Field::Rfc822Zone | Field::Iso8601Zone => {
                let zone = self
                    .zone()
                    .ok_or("it has no time zone where the pattern has one")?;
                self.found.zone = Some(zone);
            }
        }
        Ok(())
    }

    pub(super) fn blanks(&mut self) {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        self.looked_at += self.rest.len() - rest.len() + 1;
        self.rest = rest;
    }

    /// Digits of at most `limit` length, in a range.
    fn number(&mut self, limit: usize, least: i32, most: i32) -> Result<i32, Reason> {
        let digits = self.digits(limit);
        if digits.is_empty() {
            return Err("it has no digits where the pattern has a number");
        }
        // More digits than a number can have are out of range too.
        let number = digits.parse().unwrap_or(i32::MAX);
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err("a part of it is out of range")
        }
    }

    /// A number that the other parts of a date make superfluous.
    fn ignored(&mut self, limit: usize, least: i32, most: i32) -> Result<(), Reason> {
        self.number(limit, least, most).map(|_| ())
    }

    pub(super) fn digits(&mut self, limit: usize) -> &'a str {
        let end = self
            .rest
            .bytes()
            .take(limit)
            .take_while(u8::is_ascii_digit)
            .count();
        self.looked_at += end + 1;
        self.take(end)
    }

    /// The next `length` bytes, which end at a character's end.
    pub(super) fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or(("", self.rest));
        self.rest = rest;
        taken
    }

    /// A leap second is read as the second before it, which is what the vendors' own clocks show.
    /// A fraction may follow that the pattern does not have.
    fn second(&mut self, limit: usize, next: Option<&Token>) -> Result<(), Reason> {
        self.found.second = self.number(limit, 0, 60)?.min(59);
        let fraction_follows = match next {
            Some(Token::Field(Field::Fraction, _)) => true,
            Some(Token::Literal(literal)) => literal.starts_with(['.', ',']),
            _ => false,
        };
        if !fraction_follows
            && let Some(after) = self.rest.strip_prefix(['.', ','])
            && after.starts_with(|c: char| c.is_ascii_digit())
        {
            self.rest = after;
            self.fraction(usize::MAX, None);
        }
        Ok(())
    }

    /// Digits of any number, a decimal fraction of a second; more than nine are cut.
    fn fraction(&mut self, count: usize, next: Option<&Token>) {
        let touches_number = matches!(next, Some(Token::Field(field, _)) if !field.is_zone());
        let digits = self.digits(if touches_number { count } else { usize::MAX });
        self.found.nanos = 0;
        let mut place = 100_000_000;
        for digit in digits.bytes().take(9) {
            self.found.nanos += place * i32::from(digit - b'0');
            place /= 10;
        }
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

    /// The number of the name the text begins with, case aside; a longer name wins over its beginning.
    fn name(&mut self, names: &[[&str; 2]]) -> Result<i32, Reason> {
        let mut best: Option<(usize, i32)> = None;
        for (index, forms) in (0..).zip(names) {
            for form in forms {
                let longer = best.is_none_or(|(length, _)| form.len() > length);
                if longer && self.begins_with(form) {
                    best = Some((form.len(), index));
                }
            }
        }
        let (length, index) = best.ok_or("it has an unknown name")?;
        self.take(length);
        Ok(index)
    }

    pub(super) fn begins_with(&mut self, name: &str) -> bool {
        self.looked_at += name.len();
        self.rest
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    }

    /// Nothing may be left but a zone behind a time whose pattern names none.
    fn tail(&mut self, tokens: &[Token]) -> Result<(), Reason> {
        let ends_with_time = matches!(
            tokens.last(),
            Some(Token::Field(
                Field::Minute | Field::Second | Field::Fraction | Field::Hour | Field::AmPm,
                _
            ))
        );
        if ends_with_time && self.found.zone.is_none() && !self.rest.is_empty() {
            self.blanks();
            self.found.zone = self.zone();
        }
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err("it goes on behind the end of the pattern")
        }
    }
}

/// The parts that were read; what is absent is the beginning of 1970, as in Java.
#[derive(Default)]
struct Found {
    before_christ: bool,
    year: Option<i32>,
    month: Option<i32>,
    week: Option<i32>,
    day: Option<i32>,
    day_of_year: Option<i32>,
    /// From Sunday, 0.
    weekday: i32,
    hour: Option<i32>,
    half_day_hour: Option<i32>,
    afternoon: bool,
    minute: i32,
    second: i32,
    nanos: i32,
    zone: Option<ZoneRead>,
}

impl Found {
    fn instant(&self, zone: &TimeZone) -> Result<Timestamp, Reason> {
        let local = self
            .date()?
            .to_datetime(self.time().ok_or("there is no such time")?);
        let instant = match &self.zone {
            Some(read) => read.instant(local, zone),
            None => later(local, zone),
        };
        instant.ok_or("it lies beyond the year 9999")
    }

    fn date(&self) -> Result<Date, Reason> {
        let date = match (self.day_of_year, self.week) {
            (Some(day), _) => self.day_of_year(day),
            (None, Some(week)) if self.month.is_none() && self.day.is_none() => self.day_of_week(week),
            _ => self.civil(self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        let date = date.ok_or("there is no such day")?;
        let agrees = |part: Option<i32>, is: i8| part.is_none_or(|part| part == i32::from(is));
        if agrees(self.month, date.month()) && agrees(self.day, date.day()) {
            Ok(date)
        } else {
            Err("its day of the year is not in its month")
        }
    }

    fn civil(&self, month: i32, day: i32) -> Option<Date> {
        let year = self.year.unwrap_or(1970);
        let year = if self.before_christ { 1 - year } else { year };
        Date::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        )
        .ok()
    }

    fn day_of_year(&self, day: i32) -> Option<Date> {
        let new_year = self.civil(1, 1)?;
        new_year.with().day_of_year(i16::try_from(day).ok()?).build().ok()
    }

    /// Weeks begin on Sunday, the first one is that of 1 January.
    fn day_of_week(&self, week: i32) -> Option<Date> {
        let new_year = self.civil(1, 1)?;
        let days = (week - 1) * 7 + self.weekday - i32::from(new_year.weekday().to_sunday_zero_offset());
        new_year.checked_add(days.days()).ok()
    }

    fn time(&self) -> Option<Time> {
        let half = self
            .half_day_hour
            .map(|hour| hour + if self.afternoon { 12 } else { 0 });
        Time::new(
            i8::try_from(self.hour.or(half).unwrap_or(0)).ok()?,
            i8::try_from(self.minute).ok()?,
            i8::try_from(self.second).ok()?,
            self.nanos,
        )
        .ok()
    }
}

/// An hour that daylight saving repeats is the later one, one that it skips is an hour later, as in Java.
pub(super) fn later(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).later().ok()
}
