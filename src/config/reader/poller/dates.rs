//! `datesConfiguration`: where a record's dates are, and how they are printed.

use jiff::tz::TimeZone;

use super::super::Findings;
use super::section::Section;
use crate::config::{DateField, DatePattern, FieldPath, zone};

/// Updated and created date.
type Dates = (Option<DateField>, Option<DateField>);

/// What the created date lacks it takes from the updated one: the same API prints both. None after a problem was noted.
pub(super) fn read(entry: &Section, dates: &Section, findings: &mut Findings) -> Option<Dates> {
    let entry_zone = entry.zone("updatedDateTimezone", findings);
    let updated_zone = dates.zone("updatedDateTimezone", findings);
    let created_zone = dates.zone("createdDateTimezone", findings);
    let updated_format = dates.text("updatedDateFormat", findings);
    let created_format = dates.text("createdDateFormat", findings);
    let updated_field = dates.field("updatedDateField", findings);
    let created_field = dates.field("createdDateField", findings);

    let updated_text = updated_format?;
    let created_text = created_format?.or_else(|| updated_text.clone());
    let updated_pattern = pattern(dates, &UPDATED, &updated_field, updated_text.as_deref(), findings);
    let created_pattern = pattern(dates, &CREATED, &created_field, created_text.as_deref(), findings);
    let updated_zone = updated_zone?.or(entry_zone?);
    let created_zone = created_zone?.or_else(|| updated_zone.clone());
    let date_field = |field: Option<FieldPath>, pattern: Option<DatePattern>, zone: Option<TimeZone>| {
        Some(DateField::new(field?, pattern?, zone.unwrap_or_else(zone::gmt)))
    };
    Some((
        date_field(updated_field?, updated_pattern?, updated_zone),
        date_field(created_field?, created_pattern?, created_zone),
    ))
}

/// Names of the fields of one date.
struct Names {
    field: &'static str,
    format: &'static str,
}

const UPDATED: Names = Names {
    field: "updatedDateField",
    format: "updatedDateFormat",
};
const CREATED: Names = Names {
    field: "createdDateField",
    format: "createdDateFormat",
};

/// The pattern of a date whose field is given; the outer none after a problem was noted.
fn pattern(
    dates: &Section,
    names: &Names,
    field: &Option<Option<FieldPath>>,
    text: Option<&str>,
    findings: &mut Findings,
) -> Option<Option<DatePattern>> {
    let path = dates.place(names.format);
    if !matches!(field, Some(Some(_))) {
        // The updated format without its field still serves the created date.
        let serves = names.format == UPDATED.format && !dates.has(CREATED.format) && dates.has(CREATED.field);
        if dates.has(names.format) && matches!(field, Some(None)) && !serves {
            findings.warn(path, format!("has no effect without {}", names.field));
        }
        return Some(None);
    }
    let remedy =
        "write how the field's dates are printed, such as yyyy-MM-dd'T'HH:mm:ss.SSS, or milliseconds";
    match text.map(DatePattern::parse) {
        None => findings.problem(path, "is missing", remedy),
        Some(Err(error)) => findings.problem(path, error.to_string(), "correct the format"),
        Some(Ok(pattern)) if !pattern.has_year() => findings.problem(path, "has no year in it", remedy),
        Some(Ok(pattern)) => {
            if let Some(notice) = pattern.notice()
                && dates.has(names.format)
            {
                findings.warn(path, notice);
            }
            return Some(Some(pattern));
        }
    }
    None
}
