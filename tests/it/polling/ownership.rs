//! Who may write a checkpoint, and what must be stored before anything is fetched.

use concur_sandbox::{Command, Fault, PlannedFault, Target};
use pollinator::engine::PollState;
use serde_json::json;

use crate::support::memory_store::Write;
use crate::support::world::{Setup, World};

/// A process that learns on its way out of a failed poll that another owns the checkpoint forgets what it knew.
#[tokio::test(start_paused = true)]
async fn taken_over_while_the_callback_fails() {
    let mut world = World::new(Setup {
        spec: json!({"delivery": {"maxInFlight": 1}}),
        ..Setup::default()
    });
    world.poll().await;
    // So soon that nothing is saved before the failure.
    world.wait(2).await;
    for n in 1..=12 {
        world.create(&format!("n{n:02}"));
    }
    let refusal = Fault::Status {
        status: 404,
        body: None,
        retry_after: None,
        content_type: None,
    };
    world.command(Command::Fault(PlannedFault {
        target: Target::Receiver,
        fault: refusal,
        times: 1,
        after: 1,
    }));
    world.store.take_over();
    let report = world.poll().await;
    assert_eq!(
        report.state,
        PollState::DeliveryFailed,
        "ten were accepted, two were not"
    );
    world.wait(60).await;
    let report = world.poll().await;
    assert_eq!(report.failure, None, "the checkpoint was loaded and claimed anew");
    world.assert_exactly_once_for_a_receiver_that_drops_repeated_ids();
}

/// The first start is stored before the first fetch, even if its first write failed.
#[tokio::test(start_paused = true)]
async fn a_first_start_is_stored_before_the_first_fetch() {
    let mut world = World::new(Setup {
        knobs: json!({"maxLimit": 2}),
        ..Setup::default()
    });
    world.seed("p", 6);
    for n in 0..6 {
        world.edit(&format!("p{n:04}"));
    }
    world.wait(5).await;
    // The claim, then the start, then the attempt to save it after the failure.
    world.store.plan([Write::Works, Write::Fails, Write::Fails]);
    assert!(world.poll().await.failure.is_some());
    world.wait(5).await;
    // The first page is read, then the process dies; the store was well all the time.
    assert!(world.poll_and_be_killed(1).await);
    world.wait(5).await;
    world.edit("p0001");
    for _ in 0..6 {
        world.wait(60).await;
        world.poll().await;
    }
    assert_eq!(world.story(), ["UPDATED p0001"], "changed after the first start");
}
