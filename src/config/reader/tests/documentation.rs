//! The documentation of the configuration says what the reader reads.

use crate::api::KNOWN_KEYS;
use crate::config::reader::poller::{DATE_FIELDS, FIELDS, WITHOUT_EFFECT};

#[test]
fn every_key_and_field_has_its_row() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let text = std::fs::read_to_string(file).unwrap();
    let keys = KNOWN_KEYS.iter().map(|known| known.key);
    let dates = DATE_FIELDS
        .iter()
        .map(|field| format!("datesConfiguration.{field}"));
    let fields = FIELDS
        .iter()
        .chain(WITHOUT_EFFECT)
        .map(|field| (*field).to_owned());
    for name in keys.map(str::to_owned).chain(fields).chain(dates) {
        let row = format!("| `{name}` |");
        assert_eq!(
            text.lines().filter(|line| line.starts_with(&row)).count(),
            1,
            "{name}"
        );
    }
}
