//! A short form of `make torture`: killed again and again, nothing is lost.

use std::time::Duration;

use pollinator_testbed::binaries;
use pollinator_torture::{Place, Settings, story, torture};

use crate::cluster::plane;

/// The plan is the same each time; `make torture` takes another one each time.
const SEED: u64 = 20;
const KILLS: u32 = 10;
/// Machines may be slow.
const LONG: Duration = Duration::from_secs(900);

async fn tortured(place: Place) {
    let settings = Settings {
        program: env!("CARGO_BIN_EXE_pollinator").into(),
        place,
        seed: SEED,
        kills: KILLS,
        time: LONG,
    };
    let outcome = torture(&settings, &|line| println!("{line}")).await.unwrap();
    let stories: Vec<_> = outcome
        .violations
        .iter()
        .map(|violation| {
            let (resource, id) = &violation.object;
            format!("{violation:?}\n{}", story(&outcome.evidence, resource, id))
        })
        .collect();
    assert!(outcome.is_good(), "{:?} {stories:#?}", outcome.unfinished);
    let figures = &outcome.figures;
    assert!(figures.kills >= KILLS as usize && figures.rests >= 2, "{figures}");
    assert!(figures.due > 0 && figures.events >= figures.due, "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_folder_mode_is_killed() {
    tortured(Place::Folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_operator_is_killed() {
    let plane = plane();
    let _calm = plane.calm().await;
    let operator = Place::Operator {
        kubeconfig: plane.kubeconfig().to_owned(),
        kubectl: binaries().unwrap().kubectl,
        namespace: "torture".into(),
    };
    tortured(operator).await;
}
