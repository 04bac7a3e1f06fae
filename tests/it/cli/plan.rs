//! `pollinator plan`.

use serde_json::{Value, json};

use super::{Desk, code, run, text};

#[tokio::test(flavor = "multi_thread")]
async fn plan_prints_the_requests() {
    let desk = Desk::new().await;
    let base = json!({"configuration": {"base.url": "https://us2.api.concursolutions.com"}});
    let file = desk.sample(base);
    let at = [
        "plan",
        "--at",
        "2026-11-23T12:00:00Z",
        "--output",
        "json",
        "-f",
        file.to_str().unwrap(),
    ];
    let output = run(&at).await;
    assert_eq!(code(&output), 0, "{}", text(&output));
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({
        "instance": "default/concurfordocs",
        "resource": "reports",
        "method": "GET",
        "url": "https://us2.api.concursolutions.com/api/v3.0/expense/reports\
                ?modifiedDateAfter=2026-11-23T11:58:59.994&user=ALL&limit=100",
        "since": "2026-11-23T11:58:59.994Z",
    });
    assert_eq!(line, expected);
}
