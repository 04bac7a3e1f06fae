//! The chapters that are the same with and without a cluster.

use serde_json::json;

use crate::error::Error;
use crate::sandbox::Credentials;
use crate::stage::{Stage, in_words};

/// The first token exchange: Concur gives a new refresh token and the old one dies.
pub(crate) async fn token(stage: &mut Stage, credentials: &Credentials) -> Result<(), Error> {
    stage
        .until("an access token is asked for", async |control, _| {
            let log = control.log().await?;
            Ok(log
                .iter()
                .any(|request| request.target == "token" && request.status == 200)
                .then_some(()))
        })
        .await?;
    stage
        .story
        .tell("token: the refresh token was exchanged for an access token, Concur rotated the refresh token");
    match stage.control().token_error(credentials).await? {
        108 => {
            stage.refused_tokens += 1;
            stage
                .story
                .tell("token: the refresh token of the manifest is dead now (Concur answers code 108)");
        }
        code => {
            return Err(Error::Check(format!(
                "the first refresh token should be dead, Concur answered code {code}"
            )));
        }
    }
    Ok(())
}

/// The first poll sends nothing.
pub(crate) async fn first_poll(stage: &mut Stage) -> Result<(), Error> {
    stage.whole_pass().await?;
    let sent = stage.control().received().await?.len();
    if sent > 0 {
        return Err(Error::Check(format!(
            "the first poll sent {sent} notifications and should have sent none"
        )));
    }
    let listed = stage.control().state().await?.listed;
    stage.story.tell(&format!(
        "first poll done: the {listed} reports that were there are known, nothing was sent"
    ));
    Ok(())
}

/// New reports come as CREATED.
pub(crate) async fn created(stage: &mut Stage) -> Result<(), Error> {
    let ids = stage.new_ids(3);
    stage.change(&ids, &[], &[]).await?;
    stage
        .story
        .tell(&format!("Concur: {} are created", ids.join(" ")));
    received(stage, 0).await
}

/// Edited reports come as UPDATED, also one that no poll ever saw; a new access token is fetched on the way.
pub(crate) async fn edited(stage: &mut Stage) -> Result<(), Error> {
    let before = stage.control().received().await?.len();
    let ids = ["R0001", "R0012", "OLD0000"].map(str::to_owned);
    stage
        .change(&[], &ids, &[json!({"command": "revoke-tokens"})])
        .await?;
    stage.story.tell(&format!(
        "Concur: {} are edited, and the access token is ended",
        ids.join(" ")
    ));
    received(stage, before).await?;
    let refreshed = tokens(stage).await?;
    stage.story.tell(&format!(
        "token: refreshed with the rotated refresh token, {refreshed} exchanges so far"
    ));
    Ok(())
}

/// Exchanges of refresh tokens so far; a refusal that was not ordered is a fault.
async fn tokens(stage: &Stage) -> Result<usize, Error> {
    let (good, refused) = token_requests(stage).await?;
    match refused.saturating_sub(stage.refused_tokens) {
        0 => Ok(good),
        count => Err(Error::Check(format!(
            "{count} token requests were refused, a rotated refresh token was not kept"
        ))),
    }
}

/// How many token requests were granted, and how many refused.
pub(crate) async fn token_requests(stage: &Stage) -> Result<(usize, usize), Error> {
    let log = stage.control().log().await?;
    let requests = || log.iter().filter(|request| request.target == "token");
    let good = requests().filter(|request| request.status == 200).count();
    Ok((good, requests().count() - good))
}

/// Waits for what is due and tells what came after the first `before` notifications.
pub(crate) async fn received(stage: &mut Stage, before: usize) -> Result<(), Error> {
    stage.all_received().await?;
    let received = stage.control().received().await?;
    let news = in_words(received.get(before..).unwrap_or_default());
    stage
        .story
        .tell(&format!("received: {news}; signatures are valid"));
    Ok(())
}

/// The callback answers 503 while reports change, and comes back.
pub(crate) async fn callback_down(stage: &mut Stage) -> Result<(), Error> {
    let before = stage.control().received().await?.len();
    let refused = async |stage: &mut Stage, count: usize| {
        stage
            .until("the callback is tried", async |control, _| {
                let received = control.received().await?;
                let refused = received
                    .iter()
                    .skip(before)
                    .filter(|notification| notification.status == 503)
                    .count();
                Ok((refused >= count).then_some(refused))
            })
            .await
    };
    let (first, later) = (stage.new_ids(2), stage.new_ids(1));
    let down = json!({"command": "configure", "knobs": {"receiverDown": true}});
    stage
        .change(&first, &["R0002".to_owned(), "R0003".to_owned()], &[down])
        .await?;
    stage.story.tell(&format!(
        "callback: down, it answers 503; {} are created, R0002 R0003 are edited",
        first.join(" ")
    ));
    refused(stage, 1).await?;
    stage.change(&later, &["R0013".to_owned()], &[]).await?;
    stage.story.tell(&format!(
        "callback: still down; {} is created, R0013 is edited",
        later.join(" ")
    ));
    refused(stage, 2).await?;
    stage
        .order(&json!({"command": "configure", "knobs": {"receiverDown": false}}))
        .await?;
    stage
        .story
        .tell("callback: up again; Pollinator is in a pause between two attempts");
    received(stage, before).await?;
    let refused = refused(stage, 2).await?;
    let again = stage.all_received().await?.again;
    stage.story.tell(&format!(
        "callback: {refused} attempts were refused, nothing is lost, {again} events came twice"
    ));
    Ok(())
}

/// Kills the program after the callback took a notification and before it answered, the worst moment there is.
/// `restart` says what the new process does first.
pub(crate) async fn killed(stage: &mut Stage, restart: &str) -> Result<(), Error> {
    let before = stage.control().received().await?.len();
    let created = stage.new_ids(3);
    let hang = json!({"command": "fault", "target": "receiver", "fault": {"kind": "accept-then-hang", "ms": 600_000}});
    stage.change(&created, &[], &[hang]).await?;
    stage.story.tell(&format!(
        "Concur: {} are created; the callback takes them, but hangs before it answers",
        created.join(" ")
    ));
    stage
        .until("the callback takes a notification", async |control, _| {
            let received = control.received().await?;
            Ok(received
                .iter()
                .skip(before)
                .any(|notification| notification.accepted)
                .then_some(()))
        })
        .await?;
    stage.kill();
    stage
        .story
        .tell("pollinator: killed with -9 in the middle of this delivery; it cannot know that it was taken");

    let (new, edited) = (stage.new_ids(1), [created[0].clone(), "R0004".to_owned()]);
    stage.order(&json!({"command": "clear-faults"})).await?;
    stage.change(&new, &edited, &[]).await?;
    stage.story.tell(&format!(
        "Concur: meanwhile {} is created, {} are edited",
        new.join(" "),
        edited.join(" ")
    ));
    let exchanges = tokens(stage).await?;
    let earlier = stage.control().received().await?.len();
    let id = stage.start()?;
    stage
        .story
        .tell(&format!("pollinator: started again as process {id}, {restart}"));
    received(stage, earlier).await?;
    // What came again could also come later than what was missing.
    stage.whole_pass().await?;
    if tokens(stage).await? > exchanges {
        stage
            .story
            .tell("token: the new process went on with the saved, rotated refresh token");
    }
    let again = stage.all_received().await?.again;
    stage.story.tell(&format!(
        "received: {again} of these came before the kill too; a repeat has the same event id, so a receiver drops it"
    ));
    Ok(())
}

/// Compares what was made with what was received.
pub(crate) async fn balance(stage: &mut Stage) -> Result<(), Error> {
    stage.all_received().await?;
    stage.whole_pass().await?;
    let comparison = stage.all_received().await?;
    let state = stage.control().state().await?;
    tokens(stage).await?;
    let line = format!(
        "{} changes made, {} events received, {} lost, {} repeated",
        comparison.made,
        comparison.received,
        comparison.lost.len(),
        comparison.repeated.len()
    );
    stage.story.tell(&line);
    let mut wrong = comparison.wrong;
    wrong.extend(comparison.lost.iter().map(|event| format!("lost: {event}")));
    wrong.extend(
        comparison
            .repeated
            .iter()
            .map(|event| format!("more than once, or never made: {event}")),
    );
    wrong.extend(
        state
            .command_errors
            .iter()
            .map(|error| format!("the sandbox could not do its part: {error}")),
    );
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Check(wrong.join("; ")))
    }
}
