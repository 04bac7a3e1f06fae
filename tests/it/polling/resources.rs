//! Every kind of listing the element knows, polled with its default entry; and the same data through a hub.

use concur_sandbox::{Command, Fault, PlannedFault, Target};
use jiff::SignedDuration;
use pollinator::element::catalogue;
use serde_json::{Value, json};

use crate::support::transport::HUB_HOST;
use crate::support::world::{Setup, World};

/// Polls `resource` of concur, and nothing else, with its default entry.
fn default_entry(resource: &str, knobs: Value) -> Setup {
    let entry = catalogue().get("concur").unwrap().poller[resource].clone();
    Setup {
        spec: json!({"configuration": {"event.poller.configuration": {"reports": null, resource: entry}}}),
        knobs,
        ..Setup::default()
    }
}

fn order(world: &World, command: Value) {
    let command: Command = serde_json::from_value(command).unwrap();
    world.command(command);
}

/// `of` is the simulator's name of the resource.
fn order_all(world: &World, of: &str, commands: &[Value]) {
    for command in commands {
        let mut command = command.clone();
        command["resource"] = json!(of);
        order(world, command);
    }
}

async fn poll_again(world: &mut World, polls: usize) {
    for _ in 0..polls {
        world.wait(60).await;
        world.poll().await;
    }
}

/// One resource, what is done to it between two polls, and what the receiver hears.
struct Life {
    resource: &'static str,
    of: &'static str,
    knobs: Value,
    steps: &'static [(&'static str, &'static str)],
}

/// An object is made, edited, and, where the source tells it, deleted; each is heard once, however long it is listed.
#[tokio::test(start_paused = true)]
async fn objects_live_through_every_kind_of_listing() {
    const DATED: &[(&str, &str)] = &[
        (r#"{"command": "create", "id": "n1"}"#, "CREATED n1"),
        (r#"{"command": "edit", "id": "n1"}"#, "UPDATED n1"),
        (r#"{"command": "edit", "id": "OLD0000"}"#, "UPDATED OLD0000"),
    ];
    const WITHOUT_CREATED_DATE: &[(&str, &str)] = &[
        (r#"{"command": "create", "id": "n1"}"#, "UPDATED n1"),
        (r#"{"command": "edit", "id": "n1"}"#, "UPDATED n1"),
    ];
    const MARKED: &[(&str, &str)] = &[
        (r#"{"command": "create", "id": "n1"}"#, "CREATED n1"),
        (r#"{"command": "edit", "id": "n1"}"#, "UPDATED n1"),
        (r#"{"command": "delete", "id": "n1"}"#, "DELETED n1"),
        (r#"{"command": "delete", "id": "OLD0000"}"#, "DELETED OLD0000"),
    ];
    const UNDATED: &[(&str, &str)] = &[
        (r#"{"command": "create", "id": "n1"}"#, "CREATED n1"),
        (
            r#"{"command": "edit", "id": "n1", "set": {"Percentage": "12.5"}}"#,
            "UPDATED n1",
        ),
    ];
    const NAMED: &[(&str, &str)] = &[
        (r#"{"command": "create", "id": "n1"}"#, "CREATED n1"),
        (
            r#"{"command": "edit", "id": "n1", "set": {"name": "another"}}"#,
            "UPDATED n1",
        ),
    ];
    let plain = Value::Null;
    let lives = [
        ("reports", "reports", plain.clone(), DATED),
        ("entries", "entries", plain.clone(), WITHOUT_CREATED_DATE),
        ("invoices", "invoices", plain.clone(), MARKED),
        (
            "invoices",
            "invoices",
            json!({"dayFilter": "exclusive", "digestItems": "Items", "isDeleted": "boolean"}),
            MARKED,
        ),
        ("allocations", "allocations", plain.clone(), UNDATED),
        ("requests", "requests", plain.clone(), NAMED),
        ("lists", "lists", plain.clone(), NAMED),
        ("users", "users", plain, DATED),
    ];
    for (resource, of, knobs, steps) in lives {
        let life = Life {
            resource,
            of,
            knobs,
            steps,
        };
        live(life).await;
    }
}

async fn live(life: Life) {
    let name = format!("{} {}", life.resource, life.knobs);
    let mut world = World::new(default_entry(life.resource, life.knobs));
    order_all(
        &world,
        life.of,
        &[json!({"command": "seed", "count": 3, "prefix": "OLD"})],
    );
    let report = world.poll().await;
    assert!(report.failure.is_none(), "{name}: {:?}", report.failure);
    poll_again(&mut world, 2).await;
    assert_eq!(
        world.story(),
        [""; 0],
        "{name}: what was there is learned silently"
    );
    let mut expected = Vec::new();
    for (command, event) in life.steps {
        order_all(&world, life.of, &[serde_json::from_str(command).unwrap()]);
        poll_again(&mut world, 3).await;
        expected.push((*event).to_owned());
        assert_eq!(world.story(), expected, "{name} after {command}");
    }
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

/// Records without a date that go back to an earlier content changed once more, and are told under another id.
#[tokio::test(start_paused = true)]
async fn a_content_that_comes_back_is_news() {
    for of in ["requests", "lists"] {
        let mut world = World::new(default_entry(of, Value::Null));
        let rename =
            |name: &str| json!({"command": "edit", "resource": of, "id": "OLD0000", "set": {"name": name}});
        order_all(
            &world,
            of,
            &[json!({"command": "seed", "count": 1, "prefix": "OLD"})],
        );
        world.poll().await;
        for name in ["a", "b", "a", "b", "a"] {
            world.wait(20).await;
            order(&world, rename(name));
            world.poll().await;
            world.poll().await;
        }
        assert_eq!(world.story(), ["UPDATED OLD0000"; 5], "{of}");
        let mut ids: Vec<_> = world.events().into_iter().map(|event| event.id).collect();
        ids.dedup();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5, "{of}: each has an id of its own");
    }
}

/// The first start is saved, but the source fails for a day: what changed meanwhile is told all the same.
#[tokio::test(start_paused = true)]
async fn a_late_first_pass_loses_no_change_of_records_without_dates() {
    let mut world = World::new(default_entry("requests", Value::Null));
    order_all(
        &world,
        "requests",
        &[json!({"command": "seed", "count": 1, "prefix": "OLD"})],
    );
    let fault = |times| {
        Command::Fault(PlannedFault {
            target: Target::Requests,
            fault: Fault::Maintenance,
            times,
            after: 0,
        })
    };
    world.command(fault(1));
    assert!(world.poll().await.failure.is_some());
    world.wait(3600).await;
    let edit = json!({"command": "edit", "resource": "requests", "id": "OLD0000", "set": {"name": "b"}});
    order(&world, edit);
    poll_again(&mut world, 3).await;
    assert_eq!(world.story(), ["UPDATED OLD0000"]);
}

/// The flag of a deletion may appear without a new date.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_leaves_the_date_is_told_once() {
    let mut world = World::new(default_entry("invoices", Value::Null));
    order_all(
        &world,
        "invoices",
        &[json!({"command": "seed", "count": 2, "prefix": "OLD"})],
    );
    world.poll().await;
    poll_again(&mut world, 5).await;
    let modified = world.sandbox.apply(
        serde_json::from_value(json!({"command": "show", "resource": "invoices", "id": "OLD0001"})).unwrap(),
    );
    let modified = modified.unwrap()["LastModifiedDate"]
        .as_str()
        .unwrap()
        .replace(' ', "T");
    let delete = json!({
        "command": "edit", "resource": "invoices", "id": "OLD0001",
        "modified": format!("{}Z", modified.trim_end_matches(".0")), "set": {"IsDeleted": "true"}
    });
    order(&world, delete);
    poll_again(&mut world, 10).await;
    assert_eq!(world.story(), ["DELETED OLD0001"]);
}

/// A vendor that prints no updated date before the first edit, and the created one by the day only.
#[tokio::test(start_paused = true)]
async fn a_created_date_that_stands_in_counts_for_as_long_as_it_is() {
    let mut setup = contacts();
    let entry = &mut setup.spec["configuration"]["event.poller.configuration"]["contacts"];
    entry["url"] = json!("/hubs/crm/contacts");
    entry["datesConfiguration"]["createdDateField"] = json!("Day");
    entry["datesConfiguration"]["createdDateFormat"] = json!("yyyy-MM-dd");
    let mut world = World::new(setup);
    order(&world, contact("old"));
    world.poll().await;
    world.wait(60).await;
    let mut created = contact("n1");
    created["set"] = json!({"Id": "{id}", "Day": "2026-11-23"});
    order(&world, created);
    poll_again(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED n1"]);
}

/// Listings of several pages, each with its own way to the next: nothing is missed, nothing comes twice.
#[tokio::test(start_paused = true)]
async fn every_way_to_the_next_page_is_walked_to_its_end() {
    for (resource, of, count) in [
        ("reports", "reports", 230),
        ("invoices", "invoices", 2100),
        ("requests", "requests", 230),
        ("allocations", "allocations", 230),
        ("lists", "lists", 230),
        ("users", "users", 230),
    ] {
        let mut world = World::new(default_entry(resource, Value::Null));
        world.poll().await;
        world.wait(60).await;
        let creations: Vec<Value> = (0..count)
            .map(|n| json!({"command": "create", "id": format!("n{n:04}")}))
            .collect();
        order_all(&world, of, &creations);
        let report = world.poll().await;
        assert!(report.failure.is_none(), "{resource}: {:?}", report.failure);
        assert!(report.figures.pages > 2, "{resource}: {:?}", report.figures);
        poll_again(&mut world, 2).await;
        let story = world.sorted_story();
        assert_eq!(story.len(), count, "{resource}");
        let mut once = story.clone();
        once.dedup();
        assert_eq!(once, story, "{resource}");
    }
}

const HUB_AUTHORIZATION: &str =
    "User sandbox-user, Organization sandbox-organization, Element sandbox-element";

/// Contacts of an element that is not built in.
fn contacts() -> Setup {
    Setup {
        spec: json!({
            "element": {"key": "salesforce"},
            "configuration": {
                "base.url": format!("http://{HUB_HOST}/elements/api-v2"),
                "hub.authorization": HUB_AUTHORIZATION,
                "oauth.api.key": null, "oauth.api.secret": null, "oauth.user.refresh_token": null, "oauth.token.url": null,
                "event.poller.configuration": {
                    "reports": null,
                    "contacts": {
                        "url": "/hubs/crm/contacts?where=LastModifiedDate>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss.SSSXXX}'",
                        "idField": "Id",
                        "pageSize": 2,
                        "datesConfiguration": {
                            "updatedDateField": "LastModifiedDate",
                            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
                            "createdDateField": "CreatedDate",
                            "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSZ"
                        }
                    }
                }
            }
        }),
        ..Setup::default()
    }
}

fn contact(id: &str) -> Value {
    json!({
        "command": "create",
        "resource": "crm/contacts",
        "id": id,
        "set": {"Id": "{id}", "CreatedDate": "{created}", "LastModifiedDate": "{modified}", "Name": "Ada", "Phone": null}
    })
}

/// Our clock may be off either way: the hub's is the one that counts, from the first poll on.
#[tokio::test(start_paused = true)]
async fn an_element_that_is_not_built_in_is_polled_through_its_hub() {
    for minutes in [0, 7, -7] {
        let mut world = World::new(Setup {
            our_clock_ahead: SignedDuration::from_mins(minutes),
            ..contacts()
        });
        order(&world, contact("old"));
        world.wait(1).await;
        world.poll().await;
        for n in 1..=5 {
            order(&world, contact(&format!("n{n}")));
        }
        world.wait(60).await;
        world.poll().await;
        world.wait(60).await;
        order(
            &world,
            json!({"command": "edit", "resource": "crm/contacts", "id": "n2"}),
        );
        poll_again(&mut world, 3).await;
        let expected = [
            "CREATED n1",
            "CREATED n2",
            "CREATED n3",
            "CREATED n4",
            "CREATED n5",
            "UPDATED n2",
        ];
        assert_eq!(world.sorted_story(), expected, "our clock {minutes} min ahead");
        let body: Value = serde_json::from_slice(&world.sandbox.received()[0].body).unwrap();
        let event = &body["message"]["events"][0];
        assert_eq!(
            (&event["hubKey"], &event["elementKey"]),
            (&json!("crm"), &json!("salesforce"))
        );
        world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
    }
}

/// Even a built-in element: tenants whose OAuth app belongs to the hub.
#[tokio::test(start_paused = true)]
async fn concur_is_polled_through_a_hub_where_the_configuration_says_so() {
    let mut world = World::new(Setup {
        spec: json!({"configuration": {
            "base.url": format!("http://{HUB_HOST}/elements/api-v2"),
            "hub.authorization": HUB_AUTHORIZATION,
        }}),
        ..Setup::default()
    });
    world.seed("OLD", 3);
    world.poll().await;
    world.wait(60).await;
    world.create("n1");
    poll_again(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED n1"]);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_refuses_is_a_case_for_a_human() {
    let mut setup = contacts();
    setup.spec["configuration"]["hub.authorization"] = json!("User nobody");
    let mut world = World::new(setup);
    order(&world, contact("old"));
    let failure = world.poll().await.failure.unwrap();
    assert!(failure.needs_human, "{failure:?}");
    assert!(failure.message.contains("hub.authorization"), "{failure:?}");
    assert!(!failure.message.contains("nobody"), "{failure:?}");
}

/// Some configurations have run for years with a blank idField.
#[tokio::test(start_paused = true)]
async fn a_blank_id_field_means_the_records_own_id_or_else_its_content() {
    for (field, expected) in [
        ("Id", ["CREATED n1", "UPDATED old"]),
        ("code", ["CREATED", "UPDATED"]),
    ] {
        let mut setup = contacts();
        setup.spec["configuration"]["event.poller.configuration"]["contacts"]["idField"] = json!("");
        let mut world = World::new(setup);
        let named = |id: &str| {
            let mut contact = contact(id);
            let set = contact["set"].as_object_mut().unwrap();
            let id = set.shift_remove("Id").unwrap();
            set.insert(field.to_owned(), id);
            contact
        };
        order(&world, named("old"));
        world.wait(600).await;
        world.poll().await;
        world.wait(60).await;
        order(&world, named("n1"));
        poll_again(&mut world, 3).await;
        let edit = json!({"command": "edit", "resource": "crm/contacts", "id": "old"});
        order(&world, edit);
        poll_again(&mut world, 3).await;
        let story = world.story();
        assert_eq!(story.len(), 2, "{field}: {story:?}");
        for (line, expected) in story.iter().zip(expected) {
            assert!(line.starts_with(expected), "{field}: {story:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_hub_is_asked_again_later() {
    let mut world = World::new(contacts());
    order(&world, contact("old"));
    world.poll().await;
    world.wait(60).await;
    order(&world, contact("n1"));
    world.command(Command::Fault(PlannedFault {
        target: Target::Hub,
        fault: Fault::TooManyRequests {
            retry_after: Some("7".into()),
        },
        times: 1,
        after: 0,
    }));
    let report = world.poll().await;
    let failure = report.failure.as_ref();
    assert_eq!(
        failure.map(|failure| failure.reason),
        Some("SourceThrottled"),
        "{report:?}"
    );
    poll_again(&mut world, 3).await;
    assert_eq!(world.story(), ["CREATED n1"]);
}
