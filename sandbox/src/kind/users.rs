//! Identity users v4.1: SCIM, cursors, dates in `meta` with microseconds.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{FilterDate, Kind, Limits, Paging, Style, Whose, fields, uuid_id};
use crate::dates;
use crate::fault::Target;
use crate::problem::Dialect;
use crate::resource::Resource;
use crate::store::Shown;

pub(super) const KIND: Kind = Kind {
    resource: Resource::Users,
    target: Target::Users,
    path: "/profile/identity/v4.1/Users",
    scopes: &["identity.user.core.read"],
    dialect: Dialect::Scim,
    xml: None,
    items: |_| "Resources",
    whose: Whose::Company,
    owner_field: "",
    name_field: "displayName",
    dates: &[],
    filter_date: FilterDate::Zulu,
    texts: &[],
    paging: Paging::Cursor,
    limits: |_| Limits {
        default: 100,
        most: 1000,
    },
    deleted: None,
    printed_dates: &[],
    print_date: |time, _| dates::zulu(time, 6),
    new_id: uuid_id,
    print,
};

fn print(shown: &Shown<'_>, style: &Style<'_>) -> Map<String, Value> {
    let number = shown.serial;
    let mail = format!("user{number}@sandbox.example");
    // The store keeps milliseconds; the same microseconds behind both dates keep their order.
    let micros = jiff::SignedDuration::from_micros(i64::try_from(number % 1000).unwrap_or(0));
    let date = |time: Timestamp| dates::zulu(time.checked_add(micros).unwrap_or(time), 6);
    fields(json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "id": shown.id,
        "userName": mail,
        "displayName": format!("Sandbox User {number}"),
        "name": {"familyName": format!("User {number}"), "givenName": "Sandbox", "honorificSuffix": null},
        "active": true,
        "title": null,
        "timezone": "America/New_York",
        "preferredLanguage": "en-US",
        "emails": [{"verified": false, "type": "work", "value": mail, "notifications": true}],
        "phoneNumbers": [],
        "meta": {
            "resourceType": "User",
            "created": date(shown.version.created),
            "lastModified": date(shown.version.modified),
            "version": shown.edits,
            "location": format!("{}{}/{}", style.base, KIND.path, shown.id),
        },
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "companyId": super::user_id("company"),
            "employeeNumber": number.to_string(),
            "manager": null,
        },
    }))
}
