//! Expense entries v3: a modification date, but no filter on it.

use serde_json::{Map, Value, json};

use super::{FilterDate, Kind, Paging, Style, Whose, by_knobs, empty_fields, fields, long_id};
use crate::dates;
use crate::fault::Target;
use crate::problem::Dialect;
use crate::resource::Resource;
use crate::store::Shown;

pub(super) const KIND: Kind = Kind {
    resource: Resource::Entries,
    target: Target::Entries,
    path: "/api/v3.0/expense/entries",
    scopes: &["EXPRPT"],
    dialect: Dialect::V3,
    xml: Some(("Entries", "Entry")),
    items: |_| "Items",
    whose: Whose::User,
    owner_field: "ReportOwnerID",
    name_field: "Description",
    dates: &[],
    filter_date: FilterDate::V3,
    texts: &[("reportID", "ReportID"), ("expenseTypeCode", "ExpenseTypeCode")],
    paging: Paging::NextPage { total: false },
    limits: by_knobs,
    deleted: None,
    printed_dates: &["TransactionDate", "LastModified"],
    print_date: dates::print,
    new_id: long_id,
    print,
};

fn print(shown: &Shown<'_>, style: &Style<'_>) -> Map<String, Value> {
    let version = shown.version;
    let amount = 5 * (shown.serial % 100 + 1);
    let day = style.zone.to_datetime(version.created).date();
    let mut record = fields(json!({
        "ReportID": format!("SANDBOX{:013X}", shown.serial / 4),
        "ReportOwnerID": version.owner,
        "ExpenseTypeCode": "TAXIX",
        "ExpenseTypeName": "Taxi",
        "SpendCategoryCode": "GRTRN",
        "SpendCategoryName": "Ground Transportation",
        "PaymentTypeName": "Cash",
        "TransactionDate": format!("{day}T00:00:00"),
        "TransactionCurrencyCode": "USD",
        "TransactionAmount": amount,
        "ExchangeRate": 1,
        "PostedAmount": amount,
        "ApprovedAmount": amount,
        "VendorDescription": null,
        "LocationName": "Seattle, Washington",
        "LocationCountry": "US",
        "Description": format!("Sandbox entry {}", shown.serial),
        "IsPersonal": false,
        "IsBillable": false,
        "HasImage": false,
        "HasItemizations": false,
        "HasComments": false,
        "HasExceptions": false,
        "LastModified": dates::print(version.modified, &style.zone),
    }));
    empty_fields(&mut record, "OrgUnit", 6);
    empty_fields(&mut record, "Custom", 40);
    record.insert("ID".into(), shown.id.into());
    record.insert(
        "URI".into(),
        format!("{}{}/{}", style.base, KIND.path, shown.id).into(),
    );
    record
}
