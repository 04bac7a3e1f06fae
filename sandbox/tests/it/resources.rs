//! The API's other resources: invoices, travel requests, entries, allocations, lists and users.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use concur_sandbox::{Command, Create, Options, Resource};
use serde_json::{Value, json};

use crate::support::*;

const INVOICES: &str = "/api/v3.0/invoice/paymentrequestdigests";
const REQUESTS: &str = "/travelrequest/v4/requests";
const LISTS: &str = "/list/v4/lists";
const USERS: &str = "/profile/identity/v4.1/Users";

async fn client() -> Client {
    Client::new(sandbox()).await
}

fn make(sandbox: &concur_sandbox::Sandbox, resource: Resource, id: &str, modified: &str) {
    let create = Create {
        id: Some(id.into()),
        created: Some("2026-03-01T00:00:00Z".parse().unwrap()),
        modified: Some(modified.parse().unwrap()),
        ..Create::default()
    };
    sandbox.apply(Command::Create(create).on(resource)).unwrap();
}

/// Values of a field of the records under a name.
fn fields(body: &Value, items: &str, field: &str) -> Vec<String> {
    let items = body[items]
        .as_array()
        .unwrap_or_else(|| panic!("no {items} in {body}"));
    items
        .iter()
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

/// Path and query of an absolute URI of the API.
fn local(url: &str) -> String {
    url.strip_prefix("https://us.api.sandbox.example")
        .unwrap_or_else(|| panic!("{url} is elsewhere"))
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn invoices_are_filtered_by_the_day() {
    let client = client().await;
    for (id, modified) in [
        ("A", "2026-03-01T23:59:59.999Z"),
        ("B", "2026-03-02T00:00:00Z"),
        ("C", "2026-03-02T12:48:43.500Z"),
        ("D", "2026-03-03T00:00:00Z"),
    ] {
        make(&client.sandbox, Resource::Invoices, id, modified);
    }
    let seen = async |query: &str| {
        let body = client.get(&format!("{INVOICES}?{query}")).await.json();
        assert_eq!(
            body["TotalCount"],
            body["PaymentRequestDigest"].as_array().unwrap().len()
        );
        fields(&body, "PaymentRequestDigest", "ID").concat()
    };
    for (query, inclusive, exclusive) in [
        ("", "ABCD", "ABCD"),
        ("lastModifiedDateAfter=2026-03-02", "BCD", "D"),
        ("lastModifiedDateBefore=2026-03-02", "ABC", "A"),
        (
            "lastModifiedDateAfter=2026-03-02&lastModifiedDateBefore=2026-03-02",
            "BC",
            "",
        ),
        ("createDateAfter=2026-03-01", "ABCD", ""),
        ("createDateAfter=2026-03-02", "", ""),
        ("paidDateAfter=2020-01-01", "", ""),
        ("approvalStatus=R_NOTF", "ABCD", "ABCD"),
        ("approvalStatus=R_APPR", "", ""),
    ] {
        configure(
            &client.sandbox,
            json!({"dayFilter": "inclusive", "filter": "exclusive"}),
        );
        assert_eq!(seen(query).await, inclusive, "{query}");
        configure(
            &client.sandbox,
            json!({"dayFilter": "exclusive", "filter": "inclusive"}),
        );
        assert_eq!(seen(query).await, exclusive, "{query}");
    }
    configure(
        &client.sandbox,
        json!({"dayFilter": "inclusive", "zone": "America/Los_Angeles"}),
    );
    assert_eq!(
        seen("lastModifiedDateAfter=2026-03-02").await,
        "CD",
        "the day is the zone's"
    );
    for bad in ["2026-03-02T00:00:00.000", "2026-3-2", "2026-02-30", "yesterday"] {
        let reply = client
            .get(&format!("{INVOICES}?lastModifiedDateAfter={bad}"))
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(reply.json()["Message"].as_str().unwrap().contains("yyyy-MM-dd"));
    }
}

#[tokio::test(start_paused = true)]
async fn deleted_invoices_stay_with_a_flag() {
    let client = client().await;
    make(
        &client.sandbox,
        Resource::Invoices,
        "X",
        "2026-03-01T12:48:43.500Z",
    );
    let record = async || client.get(INVOICES).await.json()["PaymentRequestDigest"][0].clone();
    let before = record().await;
    assert_eq!(before["LastModifiedDate"], "2026-03-01 12:48:43.0");
    assert_eq!(
        (&before["IsDeleted"], &before["PaymentRequestId"]),
        (&json!("false"), &json!("X"))
    );
    let delete = json!({"command": "delete", "id": "X", "resource": "invoices"});
    apply(&client.sandbox, delete.clone()).unwrap();
    let after = record().await;
    assert_eq!(
        (&after["IsDeleted"], &after["LastModifiedDate"]),
        (&json!("true"), &json!("2026-03-04 05:06:07.0"))
    );
    configure(&client.sandbox, json!({"isDeleted": "boolean"}));
    assert_eq!(record().await["IsDeleted"], true);
    let edit = json!({"command": "edit", "id": "X", "resource": "invoices", "set": {"PaidDate": "2026-03-02T00:00:00Z"}});
    apply(&client.sandbox, edit).unwrap();
    assert_eq!(record().await["PaidDate"], "2026-03-02 00:00:00.0");
    assert_eq!(
        record().await["IsDeleted"],
        true,
        "an edit does not bring it back"
    );
    assert_eq!(client.get(&format!("{INVOICES}/X")).await.json()["ID"], "X");
    assert_eq!(
        client.get(&format!("{INVOICES}/none")).await.json()["Error"]["Message"],
        "No paymentrequestdigest found with the specified ID"
    );
}

#[tokio::test(start_paused = true)]
async fn invoices_come_in_pages_of_a_thousand() {
    let client = client().await;
    let seed = json!({"command": "seed", "count": 1001, "prefix": "I", "resource": "invoices"});
    apply(&client.sandbox, seed).unwrap();
    for knobs in [
        json!({}),
        json!({"offsetStyle": "random-token", "nextPageEnd": "absent"}),
    ] {
        configure(&client.sandbox, knobs);
        let first = client.get(&format!("{INVOICES}?limit=9999")).await.json();
        assert_eq!(first["TotalCount"], 1001);
        assert_eq!(first["PaymentRequestDigest"].as_array().unwrap().len(), 1000);
        let next = local(first["NextPage"].as_str().unwrap());
        let last = client.get(&next).await.json();
        assert_eq!(fields(&last, "PaymentRequestDigest", "ID"), ["I1000"]);
        assert!(last["NextPage"].is_null());
    }
    configure(&client.sandbox, json!({"digestItems": "Items"}));
    let body = client.get(&format!("{INVOICES}?limit=1")).await.json();
    assert_eq!(
        (fields(&body, "Items", "ID"), body.get("PaymentRequestDigest")),
        (vec!["I0000".to_owned()], None)
    );
    configure(&client.sandbox, json!({"digestItems": "PaymentRequestDigest"}));
    let xml = {
        let authorization = format!("Bearer {}", access_token(&client.sandbox).await);
        get_with(
            &client.sandbox,
            &format!("{INVOICES}?limit=1"),
            &[("authorization", &authorization)],
        )
        .await
    };
    let start = "<TotalCount>1001</TotalCount><PaymentRequestDigest><PaymentRequestDigest><ID>";
    assert!(xml.text().contains(start), "{}", xml.text());
}

#[tokio::test(start_paused = true)]
async fn requests_have_links_and_dates_in_utc() {
    let client = client().await;
    configure(&client.sandbox, json!({"zone": "America/Los_Angeles"}));
    let seed = json!({"command": "seed", "count": 25, "prefix": "Q", "first": "2026-03-01T00:00:00.250Z", "resource": "requests"});
    apply(&client.sandbox, seed).unwrap();
    let mut path = format!("{REQUESTS}?view=ALL");
    let mut ids = Vec::new();
    let mut relations = Vec::new();
    loop {
        let body = client.get(&path).await.json();
        ids.extend(fields(&body, "data", "id"));
        relations.push(fields(&body, "operations", "rel").join(" "));
        let operations = body["operations"].as_array().unwrap();
        match operations.iter().find(|operation| operation["rel"] == "next") {
            Some(next) => path = local(next["href"].as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!(
        relations,
        ["next first last", "next prev first last", "prev first last"]
    );
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 25);
    assert_eq!(path, format!("{REQUESTS}?view=ALL&limit=10&start=20"));

    let first = client.get(&format!("{REQUESTS}?limit=1")).await.json()["data"][0].clone();
    assert_eq!(first["creationDate"], "2026-03-01T00:00:00.250Z");
    assert_eq!(first.get("lastModified"), None);
    let one = client.get(&format!("{REQUESTS}/Q0000")).await.json();
    assert_eq!(one["lastModified"], "2026-03-01T00:00:00.250Z");
    configure(&client.sandbox, json!({"requestLastModified": true}));
    let first = client.get(&format!("{REQUESTS}?limit=1")).await.json()["data"][0].clone();
    assert_eq!(first["lastModified"], "2026-03-01T00:00:00.250Z");

    let count = async |query: &str| {
        let body = client.get(&format!("{REQUESTS}?limit=100&{query}")).await.json();
        body["data"].as_array().unwrap().len()
    };
    assert_eq!(count("modifiedAfter=2026-03-01T00:20:00Z").await, 5);
    assert_eq!(count("modifiedBefore=2026-03-01T00:20:00Z").await, 20);
    assert_eq!(
        count("modifiedAfter=2026-03-01").await,
        25,
        "midnight UTC, whatever the zone"
    );
    assert_eq!(count("modifiedAfter=2026-03-02").await, 0);
    assert_eq!(count("approvedAfter=2020-01-01").await, 0);
    for bad in [
        "limit=101",
        "limit=0",
        "limit=x",
        "start=-1",
        "modifiedAfter=2026-03-01T00:20:00.000Z",
        "modifiedAfter=2026-03-01T00:20:00",
        "modifiedAfter=2026-03-01T25:00:00Z",
    ] {
        let reply = client.get(&format!("{REQUESTS}?{bad}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(reply.json()["error"]["message"].is_string(), "{bad}");
        assert_eq!(reply.json()["httpStatus"], "400 - Bad Request");
    }
}

#[tokio::test(start_paused = true)]
async fn a_company_token_must_name_the_user_of_requests() {
    let sandbox = sandbox();
    for (id, owner) in [("OWN", None), ("OTHER", Some("b@sandbox.example".to_owned()))] {
        let create = Create {
            id: Some(id.into()),
            owner,
            ..Create::default()
        };
        sandbox
            .apply(Command::Create(create).on(Resource::Requests))
            .unwrap();
    }
    let user = async |id: &str| {
        let show = Command::Show { id: id.into() }.on(Resource::Requests);
        sandbox.apply(show).unwrap()["owner"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (own, other) = (user("OWN").await, user("OTHER").await);
    let company = Options::default().company_uuid;
    let grant =
        format!("grant_type=password&credtype=authtoken&username={company}&password=sandbox-request-token");
    let body = token_form(&sandbox, &format!("{CLIENT}&{grant}")).await.json();
    let refresh_token = body["refresh_token"].as_str().unwrap();
    let refreshed = refresh(&sandbox, refresh_token).await.json();
    let get = async |token: &Value, query: &str| {
        let authorization = format!("Bearer {}", token["access_token"].as_str().unwrap());
        get_with(
            &sandbox,
            &format!("{REQUESTS}{query}"),
            &[("authorization", &authorization)],
        )
        .await
    };
    for token in [&body, &refreshed] {
        let refused = get(token, "").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(
            refused.text().contains("userId is required"),
            "{}",
            refused.text()
        );
        let reply = get(token, &format!("?userId={other}")).await;
        assert_eq!(fields(&reply.json(), "data", "id"), ["OTHER"]);
    }
    let users = refresh(&sandbox, "sandbox-refresh-token").await.json();
    assert_eq!(fields(&get(&users, "").await.json(), "data", "id"), ["OWN"]);
    configure(&sandbox, json!({"hasAllRole": false}));
    assert_eq!(
        get(&users, &format!("?userId={own}")).await.status,
        StatusCode::OK
    );
    assert_eq!(
        get(&users, &format!("?userId={other}")).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test(start_paused = true)]
async fn entries_and_allocations_have_no_filter_on_changes() {
    let client = client().await;
    for (resource, path) in [
        (Resource::Entries, "/api/v3.0/expense/entries"),
        (Resource::Allocations, "/api/v3.0/expense/allocations"),
    ] {
        make(
            &client.sandbox,
            resource.clone(),
            "gW$1",
            "2026-03-01T10:20:30.900Z",
        );
        make(
            &client.sandbox,
            resource.clone(),
            "gW$2",
            "2026-03-02T10:20:30.900Z",
        );
        let body = client
            .get(&format!("{path}?user=ALL&limit=1&modifiedDateAfter=2099-01-01"))
            .await
            .json();
        assert_eq!(fields(&body, "Items", "ID"), ["gW$1"]);
        let next = local(body["NextPage"].as_str().unwrap());
        assert_eq!(fields(&client.get(&next).await.json(), "Items", "ID"), ["gW$2"]);
        assert_eq!(client.get(&format!("{path}/gW%242")).await.json()["ID"], "gW$2");
        assert_eq!(
            client.get(&format!("{path}/none")).await.json()["Error"]["Message"],
            format!(
                "No {} found with the specified ID",
                if path.ends_with("entries") {
                    "entry"
                } else {
                    "allocation"
                }
            )
        );
        let record = &body["Items"][0];
        if resource == Resource::Entries {
            assert_eq!(record["LastModified"], "2026-03-01T10:20:30.9");
            assert_eq!(record["Custom40"], Value::Null);
        } else {
            assert_eq!(record["Percentage"], "100.00000000");
            assert!(!record.to_string().contains("2026"), "no date at all: {record}");
        }
    }
    let edit = json!({"command": "edit", "id": "gW$1", "resource": "allocations", "set": {"Percentage": "50.00000000"}});
    apply(&client.sandbox, edit).unwrap();
    let body = client.get("/api/v3.0/expense/allocations").await.json();
    assert_eq!(
        fields(&body, "Items", "Percentage"),
        ["50.00000000", "100.00000000"]
    );
}

#[tokio::test(start_paused = true)]
async fn lists_have_numbered_pages() {
    let client = client().await;
    let seed = json!({"command": "seed", "count": 201, "prefix": "L", "resource": "lists"});
    apply(&client.sandbox, seed).unwrap();
    let mut ids = BTreeSet::new();
    for number in 1..=3 {
        let body = client.get(&format!("{LISTS}?page={number}")).await.json();
        assert_eq!(
            body["page"],
            json!({"size": 100, "totalElements": 201, "totalPages": 3, "number": number})
        );
        assert_eq!(body["links"], json!([]));
        ids.extend(fields(&body, "content", "id"));
    }
    assert_eq!(ids.len(), 201);
    assert_eq!(
        client.get(&format!("{LISTS}?page=4")).await.json()["content"],
        json!([])
    );
    for bad in ["0", "-1", "x"] {
        assert_eq!(
            client.get(&format!("{LISTS}?page={bad}")).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    configure(&client.sandbox, json!({"listLinks": true}));
    let links = async |page: u32| client.get(&format!("{LISTS}?page={page}")).await.json()["links"].clone();
    let next = links(2).await[0].clone();
    assert_eq!(next["rel"], "next");
    assert_eq!(local(next["href"].as_str().unwrap()), format!("{LISTS}?page=3"));
    assert_eq!(links(3).await, json!([]));

    apply(
        &client.sandbox,
        json!({"command": "delete", "id": "L0000", "resource": "lists"}),
    )
    .unwrap();
    let deleted = client.get(&format!("{LISTS}?isDeleted=true")).await.json();
    assert_eq!(fields(&deleted, "content", "id"), ["L0000"]);
    let kept = client.get(&format!("{LISTS}?isDeleted=false")).await.json();
    assert_eq!(kept["page"]["totalElements"], 200);
    assert!(!client.get(LISTS).await.text().contains("2026"), "no date at all");
}

#[tokio::test(start_paused = true)]
async fn users_come_by_cursor() {
    let client = client().await;
    let seed = json!({"command": "seed", "count": 5, "prefix": "U", "first": "2026-03-01T00:00:00.080Z", "resource": "users"});
    apply(&client.sandbox, seed).unwrap();
    apply(
        &client.sandbox,
        json!({"command": "edit", "id": "U0001", "resource": "users"}),
    )
    .unwrap();
    let mut ids = Vec::new();
    let mut cursor = String::new();
    let mut users = Vec::new();
    loop {
        let body = client.get(&format!("{USERS}?count=2{cursor}")).await.json();
        assert_eq!(body["totalResults"], 5);
        ids.extend(fields(&body, "Resources", "id"));
        users.extend(body["Resources"].as_array().unwrap().clone());
        match body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(ids, ["U0000", "U0001", "U0002", "U0003", "U0004"]);
    assert_eq!(users[0]["meta"]["created"], "2026-03-01T00:00:00.080001Z");
    assert_eq!(users[0]["meta"]["created"], users[0]["meta"]["lastModified"]);
    assert_eq!(users[1]["meta"]["lastModified"], "2026-03-04T05:06:07.080002Z");
    assert_eq!(users[1]["meta"]["version"], 1);
    let refused = client.get(&format!("{USERS}?cursor=unknown")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["status"], "400");
    assert_eq!(client.get(&format!("{USERS}/U0001")).await.json()["id"], "U0001");
    let missing = client.get(&format!("{USERS}/none")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.json()["detail"].is_string());
}

#[tokio::test(start_paused = true)]
async fn every_resource_has_faults_triggers_logs_and_headers_of_its_own() {
    let client = client().await;
    for (target, path, items) in [
        ("reports", "/api/v3.0/expense/reports", "Items"),
        ("entries", "/api/v3.0/expense/entries", "Items"),
        ("allocations", "/api/v3.0/expense/allocations", "Items"),
        ("invoices", INVOICES, "PaymentRequestDigest"),
        ("requests", REQUESTS, "data"),
        ("lists", LISTS, "content"),
        ("users", USERS, "Resources"),
    ] {
        let create = json!({"command": "create", "id": "N", "resource": target});
        apply(
            &client.sandbox,
            json!({"command": "at", "target": target, "request": 2, "commands": [create]}),
        )
        .unwrap();
        for fault in [
            "maintenance",
            "missing-items",
            "error-in-200",
            "truncated",
            "too-many-requests",
        ] {
            apply(
                &client.sandbox,
                json!({"command": "fault", "target": target, "fault": {"kind": fault}}),
            )
            .unwrap();
        }
        apply(
            &client.sandbox,
            json!({"command": "fault", "target": target, "fault": {"kind": "huge", "bytes": 500}}),
        )
        .unwrap();

        let first = client.get(path).await;
        assert_eq!(first.status, StatusCode::SERVICE_UNAVAILABLE, "{target}");
        assert!(first.text().contains("down for maintenance"));
        let second = client.get(path).await.json();
        assert!(
            second.is_object() && second.get(items).is_none(),
            "{target}: {second}"
        );
        let third = client.get(path).await;
        assert_eq!(third.status, StatusCode::OK);
        assert!(third.text().contains("unexpected error") && third.json().get(items).is_none());
        assert!(
            serde_json::from_str::<Value>(&client.get(path).await.text()).is_err(),
            "{target}"
        );
        assert_eq!(client.get(path).await.status, StatusCode::TOO_MANY_REQUESTS);
        let huge = client.get(path).await;
        assert_eq!(
            (huge.text().len(), &huge.json()[items]),
            (500, &json!([])),
            "{target}"
        );

        configure(
            &client.sandbox,
            json!({"deprecationWarning": true, "extraFields": true}),
        );
        let good = client.get(path).await;
        let id = if items.starts_with(char::is_uppercase) && items != "Resources" {
            "ID"
        } else {
            "id"
        };
        assert_eq!(good.json()[items][0][id], "N", "{target}: the trigger ran");
        assert!(good.json()[items][0]["SandboxExtra"].is_object(), "{target}");
        assert!(good.header("x-api-warn").unwrap().contains(path), "{target}");
        assert_eq!(good.header("date"), Some("Wed, 04 Mar 2026 05:06:07 GMT"));
        assert!(good.header("concur-correlationid").is_some());
        configure(
            &client.sandbox,
            json!({"deprecationWarning": false, "extraFields": false}),
        );

        let log = control_get(&client.sandbox, "/control/log").await;
        let last = log.as_array().unwrap().last().unwrap();
        assert_eq!((&last["target"], &last["path"]), (&json!(target), &json!(path)));
        let state = control_get(&client.sandbox, "/control/state").await;
        assert_eq!(state[format!("{target}Api")]["requests"], 7, "{target}");
        assert_eq!(state["resources"][target]["records"], 1, "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_checked_in_the_family_s_own_way() {
    let sandbox = sandbox();
    let form = format!("grant_type=refresh_token&{CLIENT}&refresh_token=sandbox-refresh-token&scope=CONFIG");
    let narrow = token_form(&sandbox, &form).await.json();
    let narrow = format!("Bearer {}", narrow["access_token"].as_str().unwrap());
    let headers = |authorization| [("authorization", authorization), ("accept", "application/json")];
    for (path, bad_token, error) in [
        ("/api/v3.0/expense/entries", 403, "/Error/Message"),
        (INVOICES, 403, "/Error/Message"),
        (REQUESTS, 401, "/error/message"),
        (LISTS, 401, "/error/message"),
        (USERS, 401, "/detail"),
    ] {
        let unknown = get_with(&sandbox, path, &headers("Bearer unknown")).await;
        assert_eq!(unknown.status, bad_token, "{path}");
        assert!(
            unknown.json().pointer(error).is_some_and(Value::is_string),
            "{path}"
        );
        assert_eq!(
            get_with(&sandbox, path, &headers(&narrow)).await.status,
            403,
            "{path}"
        );
        let missing = get_with(&sandbox, path, &[("accept", "application/json")]).await;
        assert_eq!(missing.status, 401, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn commands_know_their_resource() {
    let client = client().await;
    let sandbox = &client.sandbox;
    let on = |mut command: Value| {
        command["resource"] = json!("lists");
        apply(sandbox, command)
    };
    on(json!({"command": "create", "id": "A", "name": "Cities"})).unwrap();
    on(json!({"command": "seed", "count": 2, "prefix": "B"})).unwrap();
    assert_eq!(
        on(json!({"command": "show", "id": "A"})).unwrap()["value"],
        "Cities"
    );
    assert_eq!(
        on(json!({"command": "edit-listed", "index": 1})).unwrap(),
        json!({"id": "B0000"})
    );
    assert_eq!(
        on(json!({"command": "delete-listed", "index": 2})).unwrap(),
        json!({"id": "B0001"})
    );
    on(json!({"command": "raw-item", "value": 17})).unwrap();
    assert_eq!(client.get(LISTS).await.json()["content"][3], 17);
    on(json!({"command": "clear-raw-items"})).unwrap();
    assert_eq!(client.get(LISTS).await.json()["page"]["totalElements"], 3);
    assert_eq!(
        client.list("").await.ids(),
        [""; 0],
        "reports are another resource"
    );
    assert_eq!(
        apply(sandbox, json!({"command": "show", "id": "A"})).unwrap(),
        Value::Null
    );
    for (command, why) in [
        (json!({"command": "delete", "id": "none"}), "none"),
        (json!({"command": "lock-account"}), "no meaning"),
        (json!({"command": "edit", "id": "A", "sett": {}}), "sett"),
    ] {
        let error = on(command.clone()).unwrap_err();
        assert!(error.contains(why), "{command}: {error}");
    }
    for resource in ["", "moon", "a/b/c", "/b", "a/"] {
        let error = apply(sandbox, json!({"command": "create", "resource": resource})).unwrap_err();
        assert!(error.contains("is no resource"), "{resource}: {error}");
    }
    let command = json!({"command": "delete", "id": "A", "resource": "lists"});
    let parsed: Command = serde_json::from_value(command.clone()).unwrap();
    assert_eq!(parsed, Command::Delete { id: "A".into() }.on(Resource::Lists));
    assert_eq!(serde_json::to_value(parsed).unwrap(), command);
}
