//! Expense allocations v3: no date at all, and a number printed as text.

use serde_json::{Map, Value, json};

use super::{FilterDate, Kind, Paging, Style, Whose, by_knobs, empty_fields, fields, long_id};
use crate::dates;
use crate::fault::Target;
use crate::problem::Dialect;
use crate::resource::Resource;
use crate::store::Shown;

pub(super) const KIND: Kind = Kind {
    resource: Resource::Allocations,
    target: Target::Allocations,
    path: "/api/v3.0/expense/allocations",
    scopes: &["EXPRPT"],
    dialect: Dialect::V3,
    xml: Some(("Allocations", "Allocation")),
    items: |_| "Items",
    whose: Whose::User,
    owner_field: "",
    name_field: "AccountCode1",
    dates: &[],
    filter_date: FilterDate::V3,
    texts: &[("entryID", "EntryID")],
    paging: Paging::NextPage { total: false },
    limits: by_knobs,
    deleted: None,
    printed_dates: &[],
    print_date: dates::print,
    new_id: long_id,
    print,
};

fn print(shown: &Shown<'_>, style: &Style<'_>) -> Map<String, Value> {
    let mut record = fields(json!({
        "EntryID": format!("gWsbxEntry$p{:016x}", shown.serial / 2),
        "Percentage": "100.00000000",
        "IsPercentEdited": false,
        "IsHidden": true,
        "AccountCode1": "1",
        "AccountCode2": null,
    }));
    empty_fields(&mut record, "Custom", 20);
    record.insert("ID".into(), shown.id.into());
    record.insert(
        "URI".into(),
        format!("{}{}/{}", style.base, KIND.path, shown.id).into(),
    );
    record
}
