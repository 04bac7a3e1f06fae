//! The ways to a first token, against the simulator's token endpoint.

use concur_sandbox::{Options, Target};
use serde_json::{Value, json};

use crate::support::world::{Setup, World};

/// Polls for three hours with the grant; what the token endpoint was asked for, in order.
async fn grants(configuration: Value, provider_data: Value) -> Vec<String> {
    let mut configuration = configuration;
    configuration["oauth.user.refresh_token"] = json!("");
    let spec = json!({"configuration": configuration, "providerData": provider_data});
    let mut world = World::new(Setup {
        spec,
        knobs: json!({"rotate": "new-old-dead", "rejectCharset": true}),
        ..Setup::default()
    });
    for hour in 0..3 {
        assert_eq!(world.poll().await.failure, None, "hour {hour}");
        world.wait(3700).await;
        world.restart();
    }
    let log = world.sandbox.log();
    let token = log.iter().filter(|call| call.target == Target::Token);
    token
        .map(|call| call.grant_type.clone().unwrap_or_default())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_company_request_token_is_used_once() {
    let options = Options::default();
    let configuration =
        json!({"oauth.username": options.company_uuid, "oauth.password": options.request_token});
    let asked = grants(configuration, json!({})).await;
    assert_eq!(asked, ["password", "refresh_token", "refresh_token"]);
}

#[tokio::test(start_paused = true)]
async fn a_users_password_is_used_once() {
    let options = Options::default();
    let configuration = json!({
        "oauth.username": options.owner_login,
        "oauth.password": options.owner_password,
        "oauth.credtype": "password",
    });
    let asked = grants(configuration, json!({})).await;
    assert_eq!(asked, ["password", "refresh_token", "refresh_token"]);
}

#[tokio::test(start_paused = true)]
async fn an_authorization_code_is_used_once() {
    let configuration = json!({"oauth.callback.url": "https://httpbin.org/get"});
    let code = json!({"code": Options::default().authorization_code});
    let asked = grants(configuration, code).await;
    assert_eq!(asked, ["authorization_code", "refresh_token", "refresh_token"]);
}
