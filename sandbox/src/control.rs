//! The control API: commands in, logs out.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::answer::Answer;
use crate::command::Command;
use crate::receiver::Received;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/control", post(control))
        .route("/control/log", get(log))
        .route("/control/received", get(received))
        .route("/control/state", get(state))
        .route("/control/history", get(history))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(16 * 1024 * 1024))
        .with_state(sandbox)
}

type Reply = Response<axum::body::Body>;

fn reply(status: StatusCode, body: &Value) -> Reply {
    Answer::json(status, body).into_response()
}

fn refuse(message: String) -> Reply {
    reply(StatusCode::BAD_REQUEST, &json!({ "error": message }))
}

async fn control(State(sandbox): State<Sandbox>, body: Bytes) -> Reply {
    let parsed: Value = match serde_json::from_slice(&body) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(format!("the body is not JSON: {error}")),
    };
    let Value::Array(items) = parsed else {
        return match run(&sandbox, parsed) {
            Ok(result) => reply(StatusCode::OK, &result),
            Err(message) => refuse(message),
        };
    };
    let mut results = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match run(&sandbox, item) {
            Ok(result) => results.push(result),
            Err(message) => {
                let message = format!("command {index} of the array: {message}; those before it were done");
                return reply(
                    StatusCode::BAD_REQUEST,
                    &json!({ "error": message, "results": results }),
                );
            }
        }
    }
    reply(StatusCode::OK, &Value::Array(results))
}

fn run(sandbox: &Sandbox, command: Value) -> Result<Value, String> {
    let command: Command =
        serde_json::from_value(command).map_err(|error| format!("not a command: {error}"))?;
    sandbox.apply(command).map_err(|error| error.to_string())
}

async fn log(State(sandbox): State<Sandbox>) -> Reply {
    show(&sandbox.log())
}

async fn history(State(sandbox): State<Sandbox>) -> Reply {
    show(&sandbox.history())
}

fn show(value: &impl Serialize) -> Reply {
    match serde_json::to_value(value) {
        Ok(value) => reply(StatusCode::OK, &value),
        Err(error) => reply(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({ "error": error.to_string() }),
        ),
    }
}

async fn received(State(sandbox): State<Sandbox>) -> Reply {
    let received: Vec<Value> = sandbox.received().iter().map(Received::to_json).collect();
    reply(StatusCode::OK, &received.into())
}

async fn state(State(sandbox): State<Sandbox>) -> Reply {
    let state = sandbox.lock().to_json();
    reply(StatusCode::OK, &state)
}
