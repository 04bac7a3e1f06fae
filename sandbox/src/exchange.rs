//! One request and its answer: triggers, faults, logs and waiting.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::bend::bend;
use crate::command::Command;
use crate::fault::{Fault, Target};
use crate::log::Logged;
use crate::receiver::{self, Received};
use crate::state::State;
use crate::{Sandbox, api, authorize, hub, kind, token};

/// What listens at an address.
#[derive(Clone, Copy)]
pub(crate) enum Listener {
    Token,
    Api,
    Hub,
    Receiver,
}

impl Listener {
    fn target(self, path: &str) -> Target {
        match self {
            Listener::Token if path == authorize::PATH => Target::Authorize,
            Listener::Token => Target::Token,
            Listener::Api => kind::of_path(path).map_or(Target::Reports, |(kind, _)| kind.target),
            Listener::Hub => Target::Hub,
            Listener::Receiver => Target::Receiver,
        }
    }
}

/// A request that has been counted and logged.
struct Arrival {
    number: u64,
    fault: Option<Fault>,
    /// Commands to run once the answer is made.
    afterwards: Vec<Command>,
}

pub(crate) async fn exchange(sandbox: Sandbox, listener: Listener, request: Request<Body>) -> Response<Body> {
    let Some(asked) = Asked::read(request).await else {
        return Answer::message(StatusCode::BAD_REQUEST, "the request body could not be read")
            .into_response();
    };
    let target = listener.target(&asked.path);
    let arrival = arrive(&mut sandbox.lock(), target, &asked);
    if let Some(ms) = arrival.fault.as_ref().and_then(Fault::hang_before) {
        sandbox.tick();
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let hang_after = arrival.fault.as_ref().and_then(Fault::hang_after);
    let answer = conclude(&mut sandbox.lock(), target, &asked, arrival);
    sandbox.tick();
    if let Some(ms) = hang_after {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    answer.into_response()
}

fn arrive(state: &mut State, target: Target, asked: &Asked) -> Arrival {
    state.numbers += 1;
    let number = state.numbers;
    let endpoint = state.endpoint(target);
    endpoint.requests += 1;
    let mut before = Vec::new();
    let mut afterwards = Vec::new();
    endpoint.triggers.retain_mut(|trigger| {
        trigger.request -= 1;
        if trigger.request == 0 {
            let due = if trigger.after {
                &mut afterwards
            } else {
                &mut before
            };
            due.append(&mut trigger.commands);
        }
        trigger.request > 0
    });
    state.run(before);
    let fault = state.endpoint(target).faults.take();
    let at = state.now();
    if target == Target::Receiver {
        let received = Received::new(number, at, asked, state.options.signature_key.as_deref());
        state.received.push(received);
    } else {
        let mut logged = Logged::new(number, at, target, asked);
        logged.fault = fault.as_ref().map(Fault::kind);
        state.log.push(logged);
    }
    Arrival {
        number,
        fault,
        afterwards,
    }
}

fn conclude(state: &mut State, target: Target, asked: &Asked, arrival: Arrival) -> Answer {
    let number = arrival.number;
    let regular = |state: &mut State, asked: &Asked| match target {
        Target::Token => token::answer(state, asked),
        Target::Authorize => authorize::answer(state, asked),
        Target::Hub => hub::answer(state, asked),
        Target::Receiver => receiver::answer(state, asked, number),
        _ => api::answer(state, asked),
    };
    let mut answer = match &arrival.fault {
        Some(fault) => bend(state, target, asked, fault, regular),
        None => regular(state, asked),
    };
    if target != Target::Receiver {
        api::vendor_headers(state, target, asked, &mut answer);
    }
    state.run(arrival.afterwards);
    // During accept-then-hang the logs already show the status that a patient sender will get.
    let status = answer.seen_status();
    if let Some(logged) = state.log.iter_mut().rev().find(|logged| logged.number == number) {
        logged.status = status;
    }
    if let Some(received) = state
        .received
        .iter_mut()
        .rev()
        .find(|received| received.number == number)
    {
        received.status = status;
    }
    answer
}
