//! Lists v4: numbered pages, no date at all.

use serde_json::{Map, Value, json};

use super::{FilterDate, Kind, Limits, Paging, Style, Whose, fields, uuid_id};
use crate::dates;
use crate::fault::Target;
use crate::problem::Dialect;
use crate::resource::Resource;
use crate::store::Shown;

pub(super) const KIND: Kind = Kind {
    resource: Resource::Lists,
    target: Target::Lists,
    path: "/list/v4/lists",
    scopes: &["spend.list.read", "LIST"],
    dialect: Dialect::V4,
    xml: None,
    items: |_| "content",
    whose: Whose::Company,
    owner_field: "",
    name_field: "value",
    dates: &[],
    filter_date: FilterDate::Zulu,
    texts: &[("value", "value"), ("isDeleted", "isDeleted")],
    paging: Paging::Numbers,
    limits: |_| Limits {
        default: 100,
        most: 100,
    },
    deleted: Some("isDeleted"),
    printed_dates: &[],
    print_date: |time, _| dates::zulu(time, 3),
    new_id: uuid_id,
    print,
};

fn print(shown: &Shown<'_>, _style: &Style<'_>) -> Map<String, Value> {
    fields(json!({
        "id": shown.id,
        "value": format!("Sandbox list {}", shown.serial),
        "levelCount": 1,
        "searchCriteria": "TEXT",
        "displayFormat": "(CODE) TEXT",
        "category": {"id": super::user_id("category"), "type": "Normal"},
        "isReadOnly": false,
        "isDeleted": shown.version.deleted,
        "managedBy": null,
    }))
}
