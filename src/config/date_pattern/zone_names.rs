//! Names of time zones as OpenJDK 17 prints them in the US locale.
//!
//! Columns of the table: short names of standard and of daylight saving time, both long names, ids. Zones without a
//! line have no name of their own, and print as `GMT-08:00`.

use jiff::tz::TimeZone;

/// Short and long name of a zone's standard and daylight saving time.
pub(super) struct Names {
    pub(super) short: [&'static str; 2],
    pub(super) long: [&'static str; 2],
}

/// The names of a zone of the database; none if it has only an offset.
pub(super) fn of(zone: &TimeZone) -> Option<Names> {
    let id = zone.iana_name()?;
    include_str!("zone_names.tsv").lines().find_map(|line| {
        let mut fields = line.split('\t');
        let names = Names {
            short: [fields.next()?, fields.next()?],
            long: [fields.next()?, fields.next()?],
        };
        fields.next()?.split(' ').any(|name| name == id).then_some(names)
    })
}
