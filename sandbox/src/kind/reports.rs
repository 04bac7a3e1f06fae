//! Expense reports v3.

use serde_json::{Map, Value, json};

use super::{DateOf, FilterDate, Kind, Paging, Style, Whose, by_knobs, fields};
use crate::dates;
use crate::fault::Target;
use crate::problem::Dialect;
use crate::random::{Random, rank};
use crate::resource::Resource;
use crate::store::{Shown, Version};

pub(super) const KIND: Kind = Kind {
    resource: Resource::Reports,
    target: Target::Reports,
    path: "/api/v3.0/expense/reports",
    scopes: &["EXPRPT"],
    dialect: Dialect::V3,
    xml: Some(("Reports", "Report")),
    items: |_| "Items",
    whose: Whose::User,
    owner_field: "OwnerLoginID",
    name_field: "Name",
    dates: &[
        ("modifiedDate", DateOf::Modified),
        ("createDate", DateOf::Created),
        ("userDefinedDate", DateOf::FieldOrCreated("UserDefinedDate")),
        ("submitDate", DateOf::Field("SubmitDate")),
        ("processingPaymentDate", DateOf::Field("ProcessingPaymentDate")),
        ("paidDate", DateOf::Field("PaidDate")),
        // An entry's date, which no report has.
        ("entryTransactionDate", DateOf::Nothing),
    ],
    filter_date: FilterDate::V3,
    texts: &[
        ("approvalStatusCode", "ApprovalStatusCode"),
        ("paymentStatusCode", "PaymentStatusCode"),
        ("currencyCode", "CurrencyCode"),
        ("countryCode", "Country"),
        ("approverLoginID", "ApproverLoginID"),
    ],
    paging: Paging::NextPage { total: false },
    limits: by_knobs,
    deleted: None,
    printed_dates: &[
        "CreateDate",
        "SubmitDate",
        "ProcessingPaymentDate",
        "PaidDate",
        "UserDefinedDate",
        "LastModifiedDate",
    ],
    print_date: dates::print,
    new_id: Random::report_id,
    print,
};

/// Names of the status codes as an English-speaking token owner sees them.
const STATUS_NAMES: [(&str, &str); 12] = [
    ("A_NOTF", "Not Submitted"),
    ("A_PEND", "Submitted & Pending Approval"),
    ("A_APPR", "Approved"),
    ("A_ACCO", "Pending Cost Object Approval"),
    ("A_PVAL", "Pending External Validation"),
    ("A_RESU", "Sent Back to Employee"),
    ("A_RHLD", "Receipt Hold"),
    ("P_NOTP", "Not Paid"),
    ("P_HOLD", "Payment on Hold"),
    ("P_PROC", "Processing Payment"),
    ("P_PAYC", "Payment Confirmed"),
    ("P_PAID", "Sent for Payment"),
];

/// A text field, as set or as made up.
fn text_field<'a>(version: &'a Version, name: &str) -> &'a str {
    match version.fields.get(name) {
        Some(value) => value.as_str().unwrap_or_default(),
        None => match name {
            "ApprovalStatusCode" => "A_NOTF",
            "PaymentStatusCode" => "P_NOTP",
            _ => "",
        },
    }
}

fn print(shown: &Shown<'_>, style: &Style<'_>) -> Map<String, Value> {
    let (version, zone, base) = (shown.version, &style.zone, &style.base);
    let total = 25 * (shown.serial % 400 + 1);
    let long_id = format!("gWsbx{:016x}{:016x}", rank(1, shown.id), rank(2, shown.id));
    let question = if style.query.is_empty() { "" } else { "?" };
    let action = format!(
        "{base}/api/v3.0/expense/reports/report/{long_id}/WorkFlowAction{question}{}",
        style.query
    );
    let mut record = fields(json!({
        "Name": format!("Sandbox trip {}", shown.serial),
        "Total": total,
        "CurrencyCode": "USD",
        "Country": "US",
        "CountrySubdivision": "US-WA",
        "CreateDate": dates::print(version.created, zone),
        "SubmitDate": null,
        "ProcessingPaymentDate": null,
        "PaidDate": null,
        "ReceiptsReceived": false,
        "UserDefinedDate": dates::print(version.created, zone),
        "LastComment": "",
        "OwnerLoginID": version.owner,
        "OwnerName": format!("Sandbox, {}", version.owner.split('@').next().unwrap_or_default()),
        "ApproverLoginID": null,
        "ApproverName": null,
        "ApprovalStatusName": status_name(text_field(version, "ApprovalStatusCode")),
        "ApprovalStatusCode": "A_NOTF",
        "PaymentStatusName": status_name(text_field(version, "PaymentStatusCode")),
        "PaymentStatusCode": "P_NOTP",
        "LastModifiedDate": dates::print(version.modified, zone),
        "PersonalAmount": 0,
        "AmountDueEmployee": total,
        "AmountDueCompanyCard": 0,
        "TotalClaimedAmount": total,
        "TotalApprovedAmount": total,
        "LedgerName": "DEFAULT",
        "PolicyID": "gWsbxPolicyForTravelInTheSandbox01",
        "EverSentBack": false,
        "HasException": false,
        "WorkflowActionUrl": action,
    }));
    org_and_custom(&mut record, shown.serial);
    record.insert("ID".into(), shown.id.into());
    record.insert("URI".into(), format!("{base}{}/{}", KIND.path, shown.id).into());
    record
}

/// Some records have filled fields of the customer's own form, as real ones do.
fn org_and_custom(record: &mut Map<String, Value>, serial: u64) {
    let item = |kind: &str, value: &str, code: &str| json!({"Type": kind, "Value": value, "Code": code, "ListItemID": format!("gWsbxItem{code}")});
    for number in 1..=6 {
        let filled = number == 1 && serial.is_multiple_of(2);
        let value = if filled {
            item("ConnectedList", "Field Sales", "FS")
        } else {
            Value::Null
        };
        record.insert(format!("OrgUnit{number}"), value);
    }
    for number in 1..=20 {
        let value = match number {
            1 if serial.is_multiple_of(2) => item("List", "Northern Region", "NR"),
            4 if serial.is_multiple_of(3) => {
                json!({"Type": "Text", "Value": "sandbox", "Code": null, "ListItemID": null})
            }
            _ => Value::Null,
        };
        record.insert(format!("Custom{number}"), value);
    }
}

fn status_name(code: &str) -> &str {
    STATUS_NAMES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or(code, |(_, name)| name)
}
