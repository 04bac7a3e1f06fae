//! Time zones inside of dates.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::names::ZONES;
use super::read::{Reader, later};
use super::zone_names;

/// What comparing with every name costs, about.
const NAMES_LOOKED_AT: usize = 600;

/// The zone a date names.
pub(super) enum ZoneRead {
    Offset(Offset),
    /// An id such as `America/Los_Angeles`.
    Region(TimeZone),
    /// A name of the configured zone, which says whether daylight saving is on; the offset is that of the name alone.
    Own {
        daylight: bool,
        offset: Option<Offset>,
    },
}

impl ZoneRead {
    pub(super) fn instant(&self, local: DateTime, configured: &TimeZone) -> Option<Timestamp> {
        let at = |offset: Offset| later(local, &TimeZone::fixed(offset));
        match self {
            Self::Offset(offset) => at(*offset),
            Self::Region(zone) => later(local, zone),
            Self::Own { daylight, offset } => {
                let both = configured.to_ambiguous_timestamp(local);
                let as_named = [both.later(), both.earlier()]
                    .into_iter()
                    .flatten()
                    .find(|instant| {
                        let info = configured.to_offset_info(*instant);
                        info.dst().is_dst() == *daylight && info.offset().to_datetime(*instant) == local
                    });
                as_named
                    .or_else(|| at((*offset)?))
                    .or_else(|| later(local, configured))
            }
        }
    }
}

impl Reader<'_> {
    /// `Z`, `+00`, `+0000`, `+00:00`, `GMT`, `GMT+2`, `PST`, `Pacific Standard Time`, `America/Los_Angeles`.
    pub(super) fn zone(&mut self) -> Option<ZoneRead> {
        if let Some(offset) = self.numeric_offset() {
            return Some(ZoneRead::Offset(offset));
        }
        let own = self.own_name();
        self.looked_at += NAMES_LOOKED_AT;
        let known = ZONES
            .iter()
            .filter(|(name, _)| self.is_name(name))
            .max_by_key(|(name, _)| name.len())
            .and_then(|(name, minutes)| Some((*name, Offset::from_seconds(minutes * 60).ok()?)));
        if let Some((name, daylight)) = own {
            self.take(name.len());
            return Some(ZoneRead::Own {
                daylight,
                offset: known.map(|(_, offset)| offset),
            });
        }
        if let Some((name, offset)) = known {
            self.take(name.len());
            let behind = matches!(name, "GMT" | "UTC")
                .then(|| self.numeric_offset())
                .flatten();
            return Some(ZoneRead::Offset(behind.unwrap_or(offset)));
        }
        self.region()
    }

    /// The longest name of the configured zone that stands here; `GMT` and `UTC` mean the same everywhere.
    fn own_name(&mut self) -> Option<(&'static str, bool)> {
        let names = zone_names::of(self.zone)?;
        [
            (names.long, 1),
            (names.long, 0),
            (names.short, 1),
            (names.short, 0),
        ]
        .into_iter()
        .filter_map(|(names, daylight)| Some((*names.get(daylight)?, daylight == 1)))
        .filter(|(name, _)| !matches!(*name, "GMT" | "UTC"))
        .find(|(name, _)| self.is_name(name))
    }

    /// Whether the name stands here and ends here.
    fn is_name(&self, name: &str) -> bool {
        let Some((start, after)) = self.rest.split_at_checked(name.len()) else {
            return false;
        };
        start.eq_ignore_ascii_case(name)
            && !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
    }

    fn region(&mut self) -> Option<ZoneRead> {
        let of_id = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
        let end = self.rest.bytes().take_while(of_id).count();
        self.looked_at += end + 1;
        let id = self.rest.get(..end)?;
        let zone = TimeZoneDatabase::bundled()
            .get(id)
            .ok()
            .filter(|_| id.contains('/'))?;
        self.take(end);
        Some(ZoneRead::Region(zone))
    }

    pub(super) fn numeric_offset(&mut self) -> Option<Offset> {
        let sign = match self.rest.bytes().next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut ahead = Reader::new(self.rest.get(1..)?, self.zone);
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
        self.looked_at += ahead.looked_at;
        self.rest = ahead.rest;
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }
}

/// The offset, in seconds, that the end of a literal text claims.
pub(super) fn claimed(text: &str) -> Option<i32> {
    let text = text.trim_end();
    if text.ends_with(['Z', 'z']) {
        return Some(0);
    }
    let at = text.rfind(['+', '-'])?;
    let offset = text.get(at..).filter(|offset| offset.len() >= "-0800".len())?;
    let zone = TimeZone::UTC;
    let mut reader = Reader::new(offset, &zone);
    let offset = reader.numeric_offset()?;
    reader.rest.is_empty().then(|| offset.seconds())
}
