//! Filters, order and pages of the reports listing.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use concur_sandbox::{Command, Create, Edit, Knobs, Sandbox};
use serde_json::json;

use crate::support::*;

async fn client() -> Client {
    Client::new(sandbox()).await
}

/// Three reports, a second apart, modified in the reverse order of their creation.
async fn three() -> Client {
    let client = client().await;
    for (id, created, modified) in [("B", 1, 6), ("A", 2, 5), ("C", 3, 4)] {
        let date = |second| Some(format!("2026-03-01T00:00:0{second}.500Z").parse().unwrap());
        let create = Create {
            id: Some(id.into()),
            created: date(created),
            modified: date(modified),
            ..Create::default()
        };
        client.sandbox.apply(Command::Create(create)).unwrap();
    }
    client
}

#[tokio::test(start_paused = true)]
async fn a_record_has_the_documented_fields() {
    let client = client().await;
    create(
        &client.sandbox,
        "0123456789ABCDEF0123",
        "2026-03-01T10:20:30.900Z",
    );
    let reply = client.list("&limit=15").await;
    assert_eq!(reply.status, StatusCode::OK);
    let body = reply.json();
    assert!(body["NextPage"].is_null() && body.as_object().unwrap().contains_key("NextPage"));
    let record = body["Items"][0].as_object().unwrap();
    assert_eq!(record.len(), 31 + 6 + 20 + 2);
    assert_eq!(record["CreateDate"], "2026-03-01T10:20:30.9");
    assert_eq!(record["LastModifiedDate"], "2026-03-01T10:20:30.9");
    assert!(record["SubmitDate"].is_null() && record["Custom20"].is_null());
    let action = record["WorkflowActionUrl"].as_str().unwrap();
    assert!(action.ends_with("/WorkFlowAction?user=ALL&limit=15"), "{action}");
    let uri = "https://us.api.sandbox.example/api/v3.0/expense/reports/0123456789ABCDEF0123";
    assert_eq!(record["URI"], uri);
}

#[tokio::test(start_paused = true)]
async fn pages_cover_everything_when_nothing_changes() {
    let client = client().await;
    seed(&client.sandbox, 103);
    let first = client.list("").await;
    assert_eq!(first.ids().len(), 25);
    let next = first.json()["NextPage"].as_str().unwrap().to_owned();
    assert_eq!(
        next,
        "https://us.api.sandbox.example/api/v3.0/expense/reports?user=ALL&offset=25"
    );
    assert_eq!(
        client.list("&limit=1000").await.ids().len(),
        100,
        "a larger limit is cut"
    );
    for knobs in [
        json!({}),
        json!({"offsetStyle": "random-token"}),
        json!({"nextPageEnd": "absent"}),
        json!({"nextPageEnd": "empty", "offsetStyle": "numeric"}),
    ] {
        configure(&client.sandbox, knobs.clone());
        let mut pages = 1;
        let mut page = client.list("&limit=10").await;
        let mut ids = page.ids();
        while let Some(next) = page.next() {
            page = client.get(&next).await;
            ids.extend(page.ids());
            pages += 1;
        }
        let end = page.json().get("NextPage").cloned();
        assert_eq!((pages, ids.len()), (11, 103), "{knobs}");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 103);
        if knobs.get("nextPageEnd") == Some(&json!("absent")) {
            assert_eq!(end, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_between_pages_skips_a_record() {
    let client = client().await;
    seed(&client.sandbox, 30);
    let delete = json!({"command": "delete-listed", "index": 0});
    apply(
        &client.sandbox,
        json!({"command": "at", "target": "reports", "request": 2, "commands": [delete]}),
    )
    .unwrap();
    let ids = client.walk("&limit=10").await;
    assert_eq!(ids.len(), 29);
    assert!(
        !ids.contains(&"R0010".to_owned()),
        "the record that slid onto the first page is missed"
    );
}

#[tokio::test(start_paused = true)]
async fn an_edit_after_a_page_shows_a_record_twice() {
    let client = client().await;
    configure(&client.sandbox, json!({"order": "modified-desc"}));
    seed(&client.sandbox, 30);
    let edit = json!({"command": "edit-listed", "index": 29});
    let at = json!({"command": "at", "target": "reports", "request": 1, "after": true, "commands": [edit]});
    apply(&client.sandbox, at).unwrap();
    let ids = client.walk("&limit=10").await;
    assert_eq!(ids.len(), 30);
    assert_eq!(ids[9], ids[10]);
    assert!(
        !ids.contains(&"R0000".to_owned()),
        "the edited record slid onto the page already read"
    );
}

#[tokio::test(start_paused = true)]
async fn overlapping_pages_and_foreign_hosts() {
    let client = client().await;
    seed(&client.sandbox, 5);
    configure(&client.sandbox, json!({"pageOverlap": 1}));
    assert_eq!(
        client.walk("&limit=3").await,
        ["R0000", "R0001", "R0002", "R0002", "R0003", "R0004"]
    );
    configure(
        &client.sandbox,
        json!({"pageOverlap": 9, "nextPageHost": "foreign", "foreignHost": "https://x.example"}),
    );
    let body = client.list("&limit=2").await.json();
    assert_eq!(
        body["NextPage"],
        "https://x.example/api/v3.0/expense/reports?user=ALL&limit=2&offset=1"
    );
}

#[tokio::test(start_paused = true)]
async fn filters_by_dates_exclusively_or_inclusively() {
    let client = three().await;
    let after = "&modifiedDateAfter=2026-03-01T00:00:05.500";
    assert_eq!(client.list(after).await.ids(), ["B"]);
    assert_eq!(
        client
            .list("&modifiedDateBefore=2026-03-01T00:00:05.500")
            .await
            .ids(),
        ["C"]
    );
    configure(&client.sandbox, json!({"filter": "inclusive"}));
    assert_eq!(client.list(after).await.ids(), ["A", "B"]);
    assert_eq!(
        client
            .list("&modifiedDateBefore=2026-03-01T00:00:05.500")
            .await
            .ids(),
        ["A", "C"]
    );
    assert_eq!(
        client
            .list("&createDateAfter=2026-03-01T00:00:02.500")
            .await
            .ids(),
        ["A", "C"]
    );
    let window = "&modifiedDateAfter=2026-03-01T00%3A00%3A04.501&modifiedDateBefore=2026-03-01T00:00:05.999";
    assert_eq!(client.list(window).await.ids(), ["A"]);
    assert_eq!(client.list("&modifiedDateAfter=2026-03-02").await.ids(), [""; 0]);
    assert_eq!(
        client.list("&submitDateAfter=2020-01-01").await.ids(),
        [""; 0],
        "null dates match no filter"
    );
}

#[tokio::test(start_paused = true)]
async fn rounds_filter_dates() {
    let client = client().await;
    create(&client.sandbox, "X", "2026-03-01T12:00:00.686Z");
    let seen = async |rounding: &str, after: &str| {
        configure(&client.sandbox, json!({"filterRounding": rounding}));
        !client
            .list(&format!("&modifiedDateAfter=2026-03-01T12:00:00.{after}"))
            .await
            .ids()
            .is_empty()
    };
    assert!(seen("ms", "685").await && !seen("ms", "686").await);
    assert!(!seen("300", "685").await, "685 becomes 687");
    assert!(seen("300", "684").await);
    assert!(seen("second", "999").await && seen("day", "999").await);
}

#[tokio::test(start_paused = true)]
async fn refuses_dates_offsets_and_limits_it_cannot_read() {
    let client = three().await;
    for query in [
        "&modifiedDateAfter=2026-03-01T00:00:05",
        "&modifiedDateAfter=2026-03-01T00:00:05.500Z",
        "&entryTransactionDateBefore=yesterday",
        "&limit=0",
        "&limit=x",
        "&offset=-1",
        "&offset=token",
    ] {
        let reply = client.list(query).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(reply.json()["Message"].is_string());
    }
    assert_eq!(client.list("&somethingElse=1&offset=99").await.ids(), [""; 0]);
    configure(&client.sandbox, json!({"zoneSuffix": "accepted"}));
    assert_eq!(
        client
            .list("&modifiedDateAfter=2026-03-01T00:00:05.500Z")
            .await
            .ids(),
        ["B"]
    );
    assert_eq!(
        client
            .list("&modifiedDateAfter=2026-03-01T01:00:05.500%2B01:00")
            .await
            .ids(),
        ["B"]
    );
}

#[tokio::test(start_paused = true)]
async fn prints_and_filters_in_another_zone() {
    let client = three().await;
    configure(&client.sandbox, json!({"zone": "America/Los_Angeles"}));
    let body = client
        .list("&modifiedDateAfter=2026-02-28T16:00:05.500")
        .await
        .json();
    assert_eq!(body["Items"].as_array().unwrap().len(), 1);
    assert_eq!(body["Items"][0]["LastModifiedDate"], "2026-02-28T16:00:06.5");
}

#[tokio::test(start_paused = true)]
async fn orders_as_told() {
    let client = three().await;
    for (order, ids) in [
        ("id", ["A", "B", "C"]),
        ("created", ["B", "A", "C"]),
        ("modified-asc", ["C", "A", "B"]),
        ("modified-desc", ["B", "A", "C"]),
    ] {
        configure(&client.sandbox, json!({"order": order}));
        assert_eq!(client.list("").await.ids(), ids, "{order}");
    }
    seed(&client.sandbox, 50);
    let all = client.list("&limit=100").await.ids();
    configure(&client.sandbox, json!({"order": "random"}));
    let random = client.list("&limit=100").await.ids();
    assert_ne!(random, all);
    assert_eq!(client.list("&limit=100").await.ids(), random);
    configure(&client.sandbox, json!({"order": "unstable"}));
    let unstable = client.list("&limit=100").await.ids();
    assert_ne!(client.list("&limit=100").await.ids(), unstable);
    assert_eq!(unstable.iter().collect::<BTreeSet<_>>(), all.iter().collect());
}

#[tokio::test(start_paused = true)]
async fn changes_become_visible_late_with_their_earlier_dates() {
    let client = client().await;
    create(&client.sandbox, "X", "2026-03-01T00:00:00Z");
    let edit = Edit {
        id: "X".into(),
        visible_after_ms: Some(5_000),
        ..Edit::default()
    };
    client.sandbox.apply(Command::Edit(edit)).unwrap();
    let late = Create {
        id: Some("Y".into()),
        visible_after_ms: Some(5_000),
        ..Create::default()
    };
    client.sandbox.apply(Command::Create(late)).unwrap();
    let body = client.list("").await.json();
    assert_eq!(body["Items"].as_array().unwrap().len(), 1);
    assert_eq!(body["Items"][0]["LastModifiedDate"], "2026-03-01T00:00:00");
    tokio::time::advance(Duration::from_secs(5)).await;
    let body = client.list("").await.json();
    for item in body["Items"].as_array().unwrap() {
        assert_eq!(item["LastModifiedDate"], "2026-03-04T05:06:07.08");
    }
    assert_eq!(body["Items"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn edits_bump_the_header_and_entries_only_if_told() {
    let client = client().await;
    create(&client.sandbox, "X", "2026-03-01T00:00:00Z");
    let modified = async || client.list("").await.json()["Items"][0]["LastModifiedDate"].clone();
    apply(&client.sandbox, json!({"command": "edit-entry", "id": "X"})).unwrap();
    assert_eq!(modified().await, "2026-03-01T00:00:00");
    configure(&client.sandbox, json!({"entryEditBumps": true}));
    apply(&client.sandbox, json!({"command": "edit-entry", "id": "X"})).unwrap();
    assert_eq!(modified().await, "2026-03-04T05:06:07.08");
    tokio::time::advance(Duration::from_millis(20)).await;
    let set = json!({"ApprovalStatusCode": "A_APPR", "SubmitDate": "2026-03-02T00:00:00Z", "Custom3": {"Type": "Text"}});
    apply(&client.sandbox, json!({"command": "edit", "id": "X", "set": set})).unwrap();
    let record = client
        .list("&approvalStatusCode=A_PEND,A_APPR&submitDateAfter=2026-03-01")
        .await
        .json();
    let record = &record["Items"][0];
    assert_eq!(record["LastModifiedDate"], "2026-03-04T05:06:07.1");
    assert_eq!(record["ApprovalStatusName"], "Approved");
    assert_eq!(record["SubmitDate"], "2026-03-02T00:00:00");
    assert_eq!(record["Custom3"], json!({"Type": "Text"}));
    assert_eq!(client.list("&approvalStatusCode=A_NOTF").await.ids(), [""; 0]);
    assert_eq!(client.list("&currencyCode=EUR").await.ids(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn users_see_what_their_role_allows() {
    let client = client().await;
    let other = |id: &str| Create {
        id: Some(id.into()),
        owner: Some("b@sandbox.example".into()),
        ..Create::default()
    };
    create(&client.sandbox, "OWN", "2026-03-01T00:00:00Z");
    client.sandbox.apply(Command::Create(other("OTHER"))).unwrap();
    let reconciliation = Create {
        central_reconciliation: true,
        ..other("CENTRAL")
    };
    client.sandbox.apply(Command::Create(reconciliation)).unwrap();
    let path = "/api/v3.0/expense/reports";
    assert_eq!(client.list("").await.ids(), ["OTHER", "OWN"]);
    assert_eq!(client.get(path).await.ids(), ["OWN"]);
    assert_eq!(
        client.get(&format!("{path}?user=b@sandbox.example")).await.ids(),
        ["OTHER"]
    );
    configure(&client.sandbox, json!({"hasAllRole": false}));
    let refused = client.list("").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.json()["Error"]["Message"].is_string());
    configure(&client.sandbox, json!({"allRefusal": "own"}));
    assert_eq!(client.list("").await.ids(), ["OWN"]);
}

#[tokio::test(start_paused = true)]
async fn raw_items_come_last_on_every_listing() {
    let client = client().await;
    seed(&client.sandbox, 2);
    apply(&client.sandbox, json!({"command": "raw-item", "value": 17})).unwrap();
    let page = client.list("&limit=2").await;
    let last = client.get(&page.next().unwrap()).await.json();
    assert_eq!(last["Items"], json!([17]));
    apply(&client.sandbox, json!({"command": "clear-raw-items"})).unwrap();
    assert_eq!(client.list("&limit=2").await.next(), None);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_ids() {
    let ids = async |sandbox: Sandbox| {
        apply(&sandbox, json!({"command": "seed", "count": 3})).unwrap()["ids"].clone()
    };
    let first = ids(sandbox()).await;
    assert_eq!(first, ids(sandbox()).await);
    let id = first[0].as_str().unwrap();
    assert!(
        id.len() == 20 && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()),
        "{id}"
    );
    assert_eq!(
        serde_json::to_value(Knobs::default()).unwrap()["filterRounding"],
        "ms"
    );
}
