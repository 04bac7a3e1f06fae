//! Each bad day by its name, as the documentation of the algorithm lists them.

mod checkpoint;
mod clocks;
mod created;
mod first_pass;
mod paging;
mod receiver;
mod visibility;

use concur_sandbox::{At, Command, Create, Edit, Target};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::world::{Setup, World};

fn at(world: &World, target: Target, request: u32, commands: Vec<Command>) {
    world.command(Command::At(At {
        target,
        request,
        commands,
        after: false,
    }));
}

/// Two reports a page: six are a backlog of three pages.
fn small_pages(order: &str) -> Setup {
    Setup {
        knobs: json!({"maxLimit": 2, "order": order}),
        ..Setup::default()
    }
}

/// Fields laid over the entry of the reports.
fn reports(fields: Value) -> Value {
    json!({"configuration": {"event.poller.configuration": {"reports": fields}}})
}

async fn settle(world: &mut World, polls: usize) {
    for _ in 0..polls {
        world.wait(60).await;
        world.poll().await;
    }
}

fn edited(id: &str) -> Command {
    Command::Edit(Edit {
        id: id.into(),
        ..Edit::default()
    })
}

/// A report created and modified at one instant.
fn dated(id: &str, at: Timestamp) -> Create {
    Create {
        id: Some(id.into()),
        created: Some(at),
        modified: Some(at),
        ..Create::default()
    }
}

fn created(ids: impl IntoIterator<Item = u32>) -> Vec<String> {
    ids.into_iter().map(|n| format!("CREATED n{n}")).collect()
}
