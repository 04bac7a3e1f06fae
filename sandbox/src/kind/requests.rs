//! Travel requests v4: dates in UTC, links as operations, the modification date in a single request only.

use serde_json::{Map, Value, json};

use super::{DateOf, FilterDate, Kind, Limits, Paging, Style, Whose, fields, user_id};
use crate::dates;
use crate::fault::Target;
use crate::problem::Dialect;
use crate::random::Random;
use crate::resource::Resource;
use crate::store::Shown;

pub(super) const KIND: Kind = Kind {
    resource: Resource::Requests,
    target: Target::Requests,
    path: "/travelrequest/v4/requests",
    scopes: &["travelrequest.write", "travelrequest.read"],
    dialect: Dialect::V4,
    xml: None,
    items: |_| "data",
    whose: Whose::UserId,
    owner_field: "",
    name_field: "name",
    dates: &[
        ("modified", DateOf::Modified),
        ("approved", DateOf::Field("approvedDate")),
    ],
    filter_date: FilterDate::Zulu,
    texts: &[],
    paging: Paging::Operations,
    limits: |_| Limits {
        default: 10,
        most: 100,
    },
    deleted: None,
    printed_dates: &["creationDate", "submitDate", "approvedDate", "lastModified"],
    print_date: |time, _| dates::zulu(time, 3),
    new_id: |random: &mut Random| format!("{:016X}{:016X}", random.next(), random.next()),
    print,
};

fn print(shown: &Shown<'_>, style: &Style<'_>) -> Map<String, Value> {
    let version = shown.version;
    let login = version.owner.split('@').next().unwrap_or_default();
    let amount = json!({"value": 100.5, "currency": "USD"});
    let day = style.zone.to_datetime(version.created).date();
    let mut record = fields(json!({
        "href": format!("{}{}/{}", style.base, KIND.path, shown.id),
        "id": shown.id,
        "approvalStatus": {"code": "NOT_SUBMITTED", "name": "Not Submitted"},
        "approved": false,
        "businessPurpose": "A trip in the sandbox",
        "canceledPostApproval": false,
        "closed": false,
        "comment": "A window seat, please\n",
        "creationDate": dates::zulu(version.created, 3),
        "endDate": day.to_string(),
        "everSentBack": false,
        "expenses": [],
        "name": format!("Sandbox request {}", shown.serial),
        "owner": {"firstName": login, "id": user_id(&version.owner), "lastName": "Sandbox"},
        "pendingApproval": false,
        "requestId": format!("{:04X}", shown.serial),
        "startDate": day.to_string(),
        "startTime": "17:30",
        "totalApprovedAmount": amount,
        "totalPostedAmount": amount,
        "totalRemainingAmount": amount,
        "type": {"code": "TRAVEL", "label": "Travel"},
    }));
    if style.single || style.knobs.request_last_modified {
        record.insert("lastModified".into(), dates::zulu(version.modified, 3).into());
    }
    record
}
