//! The hub dialect of Cloud Elements and SAP Open Connectors.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use concur_sandbox::{Fault, Sandbox, Target};
use serde_json::{Value, json};

use crate::support::*;

const AUTHORIZATION: &str = "User sandbox-user, Organization sandbox-organization, Element sandbox-element";
const CONTACTS: &str = "/elements/api-v2/hubs/crm/contacts";
const REPORTS: &str = "/elements/api-v2/hubs/expense/reports";

async fn get_as(sandbox: &Sandbox, path: &str, authorization: Option<&str>) -> Reply {
    let mut request = Request::get(path);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    send(sandbox.hub_router(), request.body(Body::empty()).unwrap()).await
}

async fn get(sandbox: &Sandbox, path: &str) -> Reply {
    get_as(sandbox, path, Some(AUTHORIZATION)).await
}

/// The query string of a condition.
fn condition(text: &str) -> String {
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("where={encoded}")
}

fn values(reply: &Reply, field: &str) -> Vec<String> {
    let body = reply.json();
    let records = body.as_array().unwrap_or_else(|| panic!("no array: {body}"));
    records
        .iter()
        .map(|record| record[field].as_str().unwrap().to_owned())
        .collect()
}

fn contacts(sandbox: &Sandbox) {
    for (id, day, city) in [
        ("1", 1, json!("Oslo")),
        ("2", 2, Value::Null),
        ("3", 3, json!("Rome")),
    ] {
        let set = json!({
            "Id": id, "LastModifiedDate": format!("2026-03-0{day}T00:00:00.000+0000"),
            "address": {"city": city}, "modified": "{modified}", "nested": [{"key": "{id}"}],
        });
        let command = json!({"command": "create", "resource": "crm/contacts", "id": id, "set": set});
        apply(sandbox, command).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_three_tokens_open_the_hub() {
    let sandbox = sandbox();
    contacts(&sandbox);
    for (authorization, status) in [
        (Some(AUTHORIZATION), 200),
        (
            Some("User sandbox-user,Organization sandbox-organization,Element sandbox-element"),
            200,
        ),
        (None, 401),
        (Some("User sandbox-user, Organization sandbox-organization"), 401),
        (
            Some("User sandbox-user, Organization sandbox-organization, Element other"),
            401,
        ),
        (Some("Bearer sandbox-element"), 401),
    ] {
        let reply = get_as(&sandbox, CONTACTS, authorization).await;
        assert_eq!(reply.status, status, "{authorization:?}");
        if status == 401 {
            let body = reply.json();
            assert!(
                body["requestId"].is_string() && body["message"].is_string(),
                "{body}"
            );
        }
    }
    let log = serde_json::to_string(&sandbox.log()).unwrap();
    assert!(
        log.contains(r#""authorization":"User""#) && !log.contains("sandbox-element"),
        "{log}"
    );
}

#[tokio::test(start_paused = true)]
async fn collections_are_what_commands_made_them() {
    let sandbox = sandbox();
    assert_eq!(get(&sandbox, CONTACTS).await.status, StatusCode::NOT_FOUND);
    contacts(&sandbox);
    let body = get(&sandbox, CONTACTS).await.json();
    assert_eq!(
        body[0],
        json!({
            "Id": "1", "LastModifiedDate": "2026-03-01T00:00:00.000+0000", "address": {"city": "Oslo"},
            "modified": "2026-03-04T05:06:07.080Z", "nested": [{"key": "1"}],
        })
    );
    assert_eq!(
        body[1]["address"],
        json!({}),
        "fields that are null are left away"
    );
    configure(&sandbox, json!({"hubFilterNulls": false}));
    assert_eq!(
        get(&sandbox, CONTACTS).await.json()[1]["address"],
        json!({"city": null})
    );
    assert_eq!(get(&sandbox, &format!("{CONTACTS}/2")).await.json()["Id"], "2");
    for path in ["/2/more", "/none", "s"] {
        assert_eq!(
            get(&sandbox, &format!("{CONTACTS}{path}")).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(get(&sandbox, "/").await.status, StatusCode::NOT_FOUND);

    apply(
        &sandbox,
        json!({"command": "delete", "resource": "crm/contacts", "id": "2"}),
    )
    .unwrap();
    apply(
        &sandbox,
        json!({"command": "raw-item", "resource": "crm/contacts", "value": "odd"}),
    )
    .unwrap();
    assert_eq!(get(&sandbox, CONTACTS).await.json().as_array().unwrap().len(), 3);
    let unknown = apply(
        &sandbox,
        json!({"command": "delete", "resource": "crm/leads", "id": "2"}),
    );
    assert!(unknown.unwrap_err().contains("crm/leads does not exist"));
    apply(
        &sandbox,
        json!({"command": "seed", "resource": "crm/leads", "count": 0}),
    )
    .unwrap();
    assert_eq!(
        get(&sandbox, "/elements/api-v2/hubs/crm/leads").await.json(),
        json!([])
    );
    apply(&sandbox, json!({"command": "seed", "resource": "crm/leads", "count": 1, "prefix": "S", "first": "2026-03-01T00:00:00Z"})).unwrap();
    let date = "2026-03-01T00:00:00.000Z";
    assert_eq!(
        get(&sandbox, "/elements/api-v2/hubs/crm/leads").await.json(),
        json!([{"id": "S0000", "name": "Sandbox record 1", "createdDate": date, "modifiedDate": date}])
    );
}

#[tokio::test(start_paused = true)]
async fn pages_follow_a_token_in_a_header() {
    let sandbox = sandbox();
    apply(
        &sandbox,
        json!({"command": "seed", "resource": "crm/contacts", "count": 201, "prefix": "C"}),
    )
    .unwrap();
    let first = get(&sandbox, CONTACTS).await;
    assert_eq!(values(&first, "id").len(), 200);
    assert_eq!(first.header("elements-returned-count"), Some("200"));
    assert_eq!(first.header("elements-total-count"), Some("201"));
    let next = format!(
        "{CONTACTS}?nextPage={}",
        first.header("elements-next-page-token").unwrap()
    );
    let last = get(&sandbox, &next).await;
    assert_eq!(values(&last, "id"), ["C0200"]);
    assert_eq!(last.header("elements-next-page-token"), None);

    configure(&sandbox, json!({"pageOverlap": 1}));
    let mut ids = Vec::new();
    let mut path = format!("{CONTACTS}?pageSize=100");
    loop {
        let page = get(&sandbox, &path).await;
        ids.extend(values(&page, "id"));
        match page.header("elements-next-page-token") {
            Some(token) => path = format!("{CONTACTS}?pageSize=100&nextPage={token}"),
            None => break,
        }
    }
    assert_eq!((ids.len(), ids[99] == ids[100]), (203, true));
    for bad in ["pageSize=0", "pageSize=x", "nextPage=5"] {
        let reply = get(&sandbox, &format!("{CONTACTS}?{bad}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(reply.json()["message"].is_string());
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_on_fields() {
    let sandbox = sandbox();
    contacts(&sandbox);
    let seen = async |text: &str| {
        let reply = get(&sandbox, &format!("{CONTACTS}?{}", condition(text))).await;
        assert_eq!(reply.status, StatusCode::OK, "{text}: {}", reply.text());
        values(&reply, "Id").concat()
    };
    for (text, ids) in [
        ("LastModifiedDate>'2026-03-02T00:00:00Z'", "3"),
        ("LastModifiedDate >= '2026-03-02T01:00:00+01:00'", "23"),
        ("LastModifiedDate='2026-03-02'", "2"),
        ("LastModifiedDate>'2026-03-01' and Id='2'", "2"),
        ("Id='1' or address.city='Rome'", "13"),
        ("Id>1", "23"),
        ("missing='1'", ""),
    ] {
        assert_eq!(seen(text).await, ids, "{text}");
    }
    for bad in [
        "Id",
        "Id like '1'",
        "Id='1' xor Id='2'",
        "LastModifiedDate>'2026-03-02T00:00:00 00:00'",
    ] {
        let reply = get(&sandbox, &format!("{CONTACTS}?{}", condition(bad))).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(seen("since='2026-03-02' and Id>'1'").await, "");
    configure(&sandbox, json!({"hubParameters": ["since"]}));
    assert_eq!(seen("since='2026-03-02' and Id>'1'").await, "23");
    assert_eq!(seen("since='2026-03-02'").await, "123");
}

#[tokio::test(start_paused = true)]
async fn the_expense_hub_shows_the_same_records() {
    let sandbox = sandbox();
    for (id, modified) in [("A", "2026-03-01T00:00:00Z"), ("B", "2026-03-02T00:00:00Z")] {
        create(&sandbox, id, modified);
    }
    apply(
        &sandbox,
        json!({"command": "create", "id": "O", "owner": "b@sandbox.example"}),
    )
    .unwrap();
    apply(
        &sandbox,
        json!({"command": "create", "id": "P", "resource": "invoices"}),
    )
    .unwrap();
    let seen = async |text: &str| {
        values(
            &get(&sandbox, &format!("{REPORTS}?{}", condition(text))).await,
            "ID",
        )
        .concat()
    };
    let all = get(&sandbox, REPORTS).await;
    assert_eq!(values(&all, "ID"), ["A", "B"], "the authorising user's own");
    assert_eq!(all.json()[0]["LastModifiedDate"], "2026-03-01T00:00:00");
    assert_eq!(all.json()[0].get("SubmitDate"), None);
    for (text, ids) in [
        ("modifiedDateAfter='2026-03-01T00:00:00.000'", "B"),
        ("modifiedDateAfter='2026-03-01T00:00:00.000' and ID='A'", ""),
        ("createDateBefore='2026-03-02'", "A"),
        ("user='ALL'", "ABO"),
        ("approvalStatusCode='A_NOTF'", "AB"),
        ("LastModifiedDate>='2026-03-02T00:00:00'", "B"),
        ("ID='A' or ID='B'", "AB"),
    ] {
        assert_eq!(seen(text).await, ids, "{text}");
    }
    configure(&sandbox, json!({"filter": "inclusive"}));
    assert_eq!(seen("modifiedDateAfter='2026-03-01T00:00:00.000'").await, "AB");
    for bad in [
        "modifiedDateAfter='yesterday'",
        "modifiedDateAfter>'2026-03-01'",
        "color='red'",
        "user='ALL' or ID='A'",
    ] {
        let reply = get(&sandbox, &format!("{REPORTS}?{}", condition(bad))).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(
            reply.json()["message"].as_str().unwrap().contains("where"),
            "{bad}"
        );
    }
    configure(&sandbox, json!({"hasAllRole": false}));
    let refused = get(&sandbox, &format!("{REPORTS}?{}", condition("user='ALL'"))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let invoices = get(&sandbox, "/elements/api-v2/hubs/expense/payments-digests").await;
    assert_eq!(values(&invoices, "ID"), ["P"]);
    assert_eq!(get(&sandbox, &format!("{REPORTS}/A")).await.json()["ID"], "A");
}

#[tokio::test(start_paused = true)]
async fn the_hub_has_faults_triggers_and_headers_too() {
    let sandbox = sandbox();
    contacts(&sandbox);
    let delete = json!({"command": "delete", "resource": "crm/contacts", "id": "1"});
    apply(
        &sandbox,
        json!({"command": "at", "target": "hub", "request": 2, "commands": [delete]}),
    )
    .unwrap();
    fault(&sandbox, Target::Hub, Fault::Maintenance);
    fault(&sandbox, Target::Hub, Fault::MissingItems);
    fault(&sandbox, Target::Hub, Fault::Huge { bytes: 100 });
    let broken = get(&sandbox, CONTACTS).await;
    assert_eq!(broken.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(broken.json()["requestId"].is_string());
    assert_eq!(get(&sandbox, CONTACTS).await.json(), json!({}));
    let huge = get(&sandbox, CONTACTS).await;
    assert_eq!((huge.text().len(), huge.json()), (100, json!([])));
    configure(
        &sandbox,
        json!({"dateSkewMs": 60_000, "deprecationWarning": true, "extraFields": true, "order": "modified-desc"}),
    );
    let reply = get(&sandbox, CONTACTS).await;
    assert_eq!(values(&reply, "Id"), ["3", "2"]);
    assert!(reply.json()[0]["SandboxExtra"].is_object());
    assert_eq!(reply.header("date"), Some("Wed, 04 Mar 2026 05:07:07 GMT"));
    assert!(reply.header("x-api-warn").unwrap().contains("crm/contacts"));
    assert!(reply.header("concur-correlationid").is_some());
    let state = control_get(&sandbox, "/control/state").await;
    assert_eq!(
        (
            &state["hub"]["requests"],
            &state["resources"]["crm/contacts"]["records"]
        ),
        (&json!(4), &json!(2))
    );
}
