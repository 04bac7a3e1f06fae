//! Invoice digests v3: filters by the day, and deleted records that stay.

use serde_json::{Map, Value, json};

use super::{DateOf, FilterDate, Kind, Limits, Paging, Style, Whose, fields};
use crate::dates;
use crate::fault::Target;
use crate::knobs::{DigestItems, IsDeleted};
use crate::problem::Dialect;
use crate::random::Random;
use crate::resource::Resource;
use crate::store::Shown;

pub(super) const KIND: Kind = Kind {
    resource: Resource::Invoices,
    target: Target::Invoices,
    path: "/api/v3.0/invoice/paymentrequestdigests",
    scopes: &["INVPMT"],
    dialect: Dialect::V3,
    xml: Some(("PaymentRequestDigests", "PaymentRequestDigest")),
    items: |knobs| match knobs.digest_items {
        DigestItems::PaymentRequestDigest => "PaymentRequestDigest",
        DigestItems::Items => "Items",
    },
    whose: Whose::Company,
    owner_field: "OwnerLoginID",
    name_field: "Name",
    dates: &[
        ("lastModifiedDate", DateOf::Modified),
        ("createDate", DateOf::Created),
        ("userDefinedDate", DateOf::FieldOrCreated("UserDefinedDate")),
        ("submitDate", DateOf::Field("SubmitDate")),
        ("paidDate", DateOf::Field("PaidDate")),
        ("extractedDate", DateOf::Field("ExtractedDate")),
    ],
    filter_date: FilterDate::Day,
    texts: &[
        ("approvalStatus", "ApprovalStatusCode"),
        ("paymentStatus", "PaymentStatusCode"),
        ("vendorInvoiceNumber", "InvoiceNumber"),
    ],
    paging: Paging::NextPage { total: true },
    limits: |_| Limits {
        default: 1000,
        most: 1000,
    },
    deleted: Some("IsDeleted"),
    printed_dates: &[
        "CreateDate",
        "UserDefinedDate",
        "SubmitDate",
        "PaidDate",
        "ExtractedDate",
        "LastModifiedDate",
    ],
    print_date: dates::print_spaced,
    new_id: Random::report_id,
    print,
};

fn print(shown: &Shown<'_>, style: &Style<'_>) -> Map<String, Value> {
    let version = shown.version;
    let created = dates::print_spaced(version.created, &style.zone);
    let deleted = match style.knobs.is_deleted {
        IsDeleted::String => Value::from(version.deleted.to_string()),
        IsDeleted::Boolean => version.deleted.into(),
    };
    let uri = format!("{}{}/{}", style.base, KIND.path, shown.id);
    fields(json!({
        "ID": shown.id,
        "URI": uri,
        "PaymentRequestId": shown.id,
        "PaymentRequestUri": format!("{}/api/v3.0/invoice/paymentrequest/{}", style.base, shown.id),
        "Name": format!("Sandbox invoice {}", shown.serial),
        "InvoiceNumber": format!("SBX-{:06}", shown.serial),
        "VendorName": "Sandbox Supplies",
        "Total": format!("{}.00", 10 * (shown.serial % 300 + 1)),
        "CurrencyCode": "USD",
        "ApprovalStatusCode": "R_NOTF",
        "PaymentStatusCode": "R_NOTP",
        "OwnerLoginID": version.owner,
        "OwnerName": format!("Sandbox, {}", version.owner.split('@').next().unwrap_or_default()),
        "CreateDate": created,
        "UserDefinedDate": created,
        "SubmitDate": null,
        "PaidDate": null,
        "ExtractedDate": null,
        "LastModifiedDate": dates::print_spaced(version.modified, &style.zone),
        "IsDeleted": deleted,
    }))
}
