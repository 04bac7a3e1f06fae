//! A report is deleted between two pages, so that another slips over the page edge unread.

use serde_json::json;

use crate::error::Error;
use crate::sandbox::{Control, Event, Notification, PAGE, Request};
use crate::stage::Stage;

const ATTEMPTS: usize = 3;

/// Makes a page shift and shows that the report it hid is found. `visible` is how many reports the listing has.
pub(crate) async fn page_shift(stage: &mut Stage, visible: usize) -> Result<(), Error> {
    let mut visible = visible;
    for attempt in 0..ATTEMPTS {
        between_passes(stage, visible).await?;
        let begun = stage.control().log().await?.len();
        let ids = stage.new_ids(PAGE + 2);
        // The listing is by id, so the new reports are its end and the first page edge at or after `visible`
        // lies among them; the report behind it moves to the page before, which was read already.
        let edge = visible.div_ceil(PAGE) * PAGE;
        let (page, hidden) = (edge / PAGE + 1, &ids[edge - visible]);
        let gone = format!("R{:04}", 7 + attempt);
        let trap = json!({"command": "at", "target": "reports", "request": page,
            "commands": [{"command": "delete", "id": gone}]});
        stage.change(&ids, &[], &[trap]).await?;
        let (first, last) = (&ids[0], &ids[ids.len() - 1]);
        stage.story.tell(&format!(
            "Concur: {first} to {last} are created; {gone} is deleted between page {} and {page}",
            page - 1
        ));
        stage.all_received().await?;
        visible += ids.len() - 1;

        let log = stage.control().log().await?;
        let passes: Vec<&Request> = log
            .iter()
            .skip(begun)
            .filter(|request| request.is_first_page())
            .collect();
        let arrival = arrival(&stage.control().received().await?, hidden);
        if let (Some(second), Some(arrival)) = (passes.get(1), arrival)
            && arrival >= second.at
        {
            stage.story.tell(&format!(
                "received: all of them; {hidden} had moved to the page before and was not read, the second reading found it"
            ));
            return Ok(());
        }
        stage
            .story
            .tell("the deletion came at another moment than between those pages; once more");
    }
    Err(Error::Check(format!(
        "no page shift in {ATTEMPTS} attempts; the machine may be too busy, run it again"
    )))
}

/// Waits until a reading of the listing has ended and the next has not begun, so that requests can be counted.
async fn between_passes(stage: &mut Stage, visible: usize) -> Result<(), Error> {
    let last_page = (visible - 1) / PAGE * PAGE;
    stage.whole_pass().await?;
    stage
        .until("a pass over the listing ends", async |control, _| {
            let ended = |log: &[Request]| {
                let last = log.iter().rev().find(|request| request.target == "reports");
                last.is_some_and(|request| request.query.ends_with(&format!("offset={last_page}")))
            };
            Ok(ended(&last_two(control).await?).then_some(()))
        })
        .await
}

async fn last_two(control: &Control) -> Result<Vec<Request>, Error> {
    let mut log = control.log().await?;
    Ok(log.split_off(log.len().saturating_sub(2)))
}

fn arrival(received: &[Notification], id: &str) -> Option<jiff::Timestamp> {
    let wanted = |event: &Event| event.object_id == id;
    received
        .iter()
        .find(|notification| notification.events().iter().any(wanted))
        .map(|notification| notification.at)
}
