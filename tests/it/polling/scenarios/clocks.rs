//! Clocks that disagree, and dates that lie ahead.

use concur_sandbox::{Command, Create};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{reports, settle};
use crate::support::world::{Setup, World};

#[tokio::test(start_paused = true)]
async fn far_future() {
    let ahead = SignedDuration::from_mins(7);
    let mut world = World::new(Setup {
        our_clock_ahead: ahead,
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    let modified: Timestamp = "2036-11-23T12:00:00Z".parse().unwrap();
    world.command(Command::Create(Create {
        id: Some("far".into()),
        modified: Some(modified),
        ..Create::default()
    }));
    world.poll().await;
    for n in 1..=3 {
        world.wait(60).await;
        world.create(&format!("n{n}"));
        world.poll().await;
    }
    assert_eq!(
        world.story(),
        ["CREATED far", "CREATED n1", "CREATED n2", "CREATED n3"]
    );
    assert!(world.store.checkpoint().floor < "2027-01-01T00:00:00Z".parse().unwrap());
}

async fn from_now_with_our_clock_off(ahead: SignedDuration) {
    let mut world = World::new(Setup {
        our_clock_ahead: ahead,
        ..Setup::default()
    });
    let recent: Timestamp = "2026-11-23T11:56:00Z".parse().unwrap();
    let past = Create {
        id: Some("past".into()),
        created: Some(recent),
        modified: Some(recent),
        ..Create::default()
    };
    world.command(Command::Create(past));
    world.poll().await;
    for n in 1..=3 {
        world.wait(20).await;
        world.create(&format!("n{n}"));
        world.wait(40).await;
        world.poll().await;
    }
    settle(&mut world, 10).await;
    assert_eq!(
        world.story(),
        ["CREATED n1", "CREATED n2", "CREATED n3"],
        "nothing missed, nothing of the past"
    );
}

#[tokio::test(start_paused = true)]
async fn fromnow_clock_ahead() {
    from_now_with_our_clock_off(SignedDuration::from_mins(7)).await;
}

#[tokio::test(start_paused = true)]
async fn fromnow_clock_behind() {
    from_now_with_our_clock_off(SignedDuration::from_mins(-7)).await;
}

async fn a_second_instance_of_one_credential(ahead: SignedDuration) {
    let mut world = World::new(Setup {
        our_clock_ahead: ahead,
        ..Setup::default()
    });
    let recent: Timestamp = "2026-11-23T11:56:00Z".parse().unwrap();
    world.command(Command::Create(Create {
        id: Some("past".into()),
        created: Some(recent),
        modified: Some(recent),
        ..Create::default()
    }));
    world.poll().await;
    // It finds an access token in memory, so no token answer tells it the vendor's clock.
    world.turn_to_another_instance("uid-2");
    world.poll().await;
    world.wait(30).await;
    world.create("n1");
    settle(&mut world, 3).await;
    assert_eq!(
        world.story(),
        ["CREATED n1"],
        "nothing missed, nothing of the past"
    );
}

#[tokio::test(start_paused = true)]
async fn shared_credential_clock_ahead() {
    a_second_instance_of_one_credential(SignedDuration::from_mins(7)).await;
}

#[tokio::test(start_paused = true)]
async fn shared_credential_clock_behind() {
    a_second_instance_of_one_credential(SignedDuration::from_mins(-7)).await;
}

#[tokio::test(start_paused = true)]
async fn undated_clock_ahead() {
    let none = json!({
        "updatedDateField": "", "updatedDateFormat": "", "createdDateField": "", "createdDateFormat": ""
    });
    let reports = json!({"reports": {"datesConfiguration": none}});
    let mut world = World::new(Setup {
        our_clock_ahead: SignedDuration::from_mins(7),
        spec: json!({"configuration": {"event.poller.configuration": reports}}),
        ..Setup::default()
    });
    world.poll().await;
    for n in 1..=5 {
        world.wait(60).await;
        world.create(&format!("n{n}"));
        world.poll().await;
    }
    settle(&mut world, 3).await;
    let expected: Vec<String> = (1..=5).map(|n| format!("UPDATED n{n}")).collect();
    assert_eq!(
        world.story(),
        expected,
        "without dates the cursor is the vendor's clock"
    );
}

/// Created now, dated 90 s ahead: CREATED, when its date has come.
#[tokio::test(start_paused = true)]
async fn current_date_filter() {
    let mut world = World::new(Setup {
        our_clock_ahead: SignedDuration::from_mins(-2),
        spec: reports(json!({"filterByCurrentDate": true})),
        ..Setup::default()
    });
    world.poll().await;
    world.wait(60).await;
    let now = world.sandbox.now();
    world.command(Command::Create(Create {
        id: Some("ahead".into()),
        created: Some(now),
        modified: Some(now + SignedDuration::from_secs(90)),
        ..Create::default()
    }));
    world.poll().await;
    settle(&mut world, 1).await;
    assert_eq!(world.story(), Vec::<String>::new(), "its date has not come");
    settle(&mut world, 6).await;
    assert_eq!(world.story(), ["CREATED ahead"]);
}
