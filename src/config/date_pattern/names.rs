//! Names of months, weekdays and zones as the JDK's US locale has them.

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Sunday.
pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A zone's name in dates; a name says whether daylight saving is on.
pub(super) struct ZoneName {
    pub(super) short: &'static str,
    pub(super) minutes: i32,
    /// The name that `zzzz` prints, or none.
    pub(super) long: &'static str,
}

const fn zone(short: &'static str, minutes: i32, long: &'static str) -> ZoneName {
    ZoneName { short, minutes, long }
}

/// Names of zones with their offset from GMT in minutes, which tells apart what shares a short name.
pub(super) const ZONES: &[ZoneName] = &[
    zone("GMT", 0, "Greenwich Mean Time"),
    zone("UTC", 0, "Coordinated Universal Time"),
    zone("UT", 0, ""),
    zone("WET", 0, ""),
    zone("EST", -300, "Eastern Standard Time"),
    zone("EDT", -240, "Eastern Daylight Time"),
    zone("CST", -360, "Central Standard Time"),
    zone("CDT", -300, "Central Daylight Time"),
    zone("MST", -420, "Mountain Standard Time"),
    zone("MDT", -360, "Mountain Daylight Time"),
    zone("PST", -480, "Pacific Standard Time"),
    zone("PDT", -420, "Pacific Daylight Time"),
    zone("AKST", -540, "Alaska Standard Time"),
    zone("AKDT", -480, "Alaska Daylight Time"),
    zone("HST", -600, "Hawaii-Aleutian Standard Time"),
    zone("AST", -240, ""),
    zone("ADT", -180, ""),
    zone("NST", -210, ""),
    zone("NDT", -150, ""),
    zone("WEST", 60, ""),
    zone("CET", 60, "Central European Standard Time"),
    zone("CEST", 120, "Central European Summer Time"),
    zone("EET", 120, "Eastern European Standard Time"),
    zone("EEST", 180, "Eastern European Summer Time"),
    zone("MSK", 180, ""),
    zone("IST", 330, "India Standard Time"),
    zone("JST", 540, ""),
    zone("KST", 540, ""),
    zone("AEST", 600, ""),
    zone("AEDT", 660, ""),
    zone("ACST", 570, ""),
    zone("ACDT", 630, ""),
    zone("AWST", 480, ""),
    zone("NZST", 720, ""),
    zone("NZDT", 780, ""),
];

/// The first three letters of a name, its short form.
pub(super) fn short(name: &'static str) -> &'static str {
    name.get(..3).unwrap_or(name)
}
