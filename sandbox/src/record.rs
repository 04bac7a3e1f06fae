//! One report as Concur v3 prints it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::dates;
use crate::random::rank;
use crate::reports::{Report, Version};

/// Date fields that commands may set as RFC 3339; they are printed in Concur's format.
const DATES: [&str; 6] = [
    "CreateDate",
    "SubmitDate",
    "ProcessingPaymentDate",
    "PaidDate",
    "UserDefinedDate",
    "LastModifiedDate",
];

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

/// A date field of a version, for filters; `None` if it is null or unreadable.
pub(crate) fn date_field(version: &Version, name: &str) -> Option<Timestamp> {
    match version.fields.get(name) {
        Some(value) => value.as_str()?.parse().ok(),
        None if name == "UserDefinedDate" => Some(version.created),
        None => None,
    }
}

/// A text field of a version, for filters.
pub(crate) fn text_field<'a>(version: &'a Version, name: &str) -> Option<&'a str> {
    match version.fields.get(name) {
        Some(value) => value.as_str(),
        None => match name {
            "OwnerLoginID" => Some(&version.owner),
            "CurrencyCode" => Some("USD"),
            "Country" => Some("US"),
            "ApprovalStatusCode" => Some("A_NOTF"),
            "PaymentStatusCode" => Some("P_NOTP"),
            _ => None,
        },
    }
}

/// Prints a record; `base` is the API's base URL and `query` the request's own query string.
pub(crate) fn print(
    id: &str,
    report: &Report,
    version: &Version,
    zone: &TimeZone,
    base: &str,
    query: &str,
) -> Value {
    let text = |name| text_field(version, name).unwrap_or_default().to_owned();
    let total = 25 * (report.serial % 400 + 1);
    let long_id = format!("gWsbx{:016x}{:016x}", rank(1, id), rank(2, id));
    let question = if query.is_empty() { "" } else { "?" };
    let action = format!("{base}/api/v3.0/expense/reports/report/{long_id}/WorkFlowAction{question}{query}");
    let fields = json!({
        "Name": format!("Sandbox trip {}", report.serial),
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
        "ApprovalStatusName": status_name(&text("ApprovalStatusCode")),
        "ApprovalStatusCode": "A_NOTF",
        "PaymentStatusName": status_name(&text("PaymentStatusCode")),
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
    });
    let Value::Object(mut record) = fields else {
        return fields;
    };
    org_and_custom(&mut record, report.serial);
    record.insert("ID".into(), id.into());
    record.insert(
        "URI".into(),
        format!("{base}/api/v3.0/expense/reports/{id}").into(),
    );
    for (name, value) in &version.fields {
        record.insert(name.clone(), printable(name, value, zone));
    }
    Value::Object(record)
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

fn printable(name: &str, value: &Value, zone: &TimeZone) -> Value {
    if DATES.contains(&name)
        && let Some(time) = value.as_str().and_then(|text| text.parse::<Timestamp>().ok())
    {
        return dates::print(time, zone).into();
    }
    value.clone()
}

fn status_name(code: &str) -> &str {
    STATUS_NAMES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or(code, |(_, name)| name)
}
