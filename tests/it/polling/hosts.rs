//! Who gets secrets: the instance's own hosts, whatever an answer says.

use serde_json::{Value, json};

use crate::support::transport::{API_HOST, RECEIVER_HOST, TOKEN_HOST};
use crate::support::world::{Setup, World};

/// Three pages of two records, all of which are news.
fn world(configuration: Value, knobs: Value) -> World {
    let mut configuration = configuration;
    let mut merged = json!({"event.poller.configuration": {"reports": {"pageSize": 2}}});
    for (key, value) in configuration.as_object_mut().unwrap() {
        merged[key] = value.take();
    }
    let world = World::new(Setup {
        spec: json!({"configuration": merged, "polling": {"initialSync": {"policy": "Backfill"}}}),
        knobs,
        ..Setup::default()
    });
    world.seed("n", 5);
    world
}

#[tokio::test(start_paused = true)]
async fn secrets_go_to_the_instances_own_hosts_only() {
    let own = [API_HOST, RECEIVER_HOST, TOKEN_HOST];
    // A page with such a link is refused as a whole, so nothing of it is delivered.
    let source = [API_HOST, TOKEN_HOST];
    let foreign = |host: &str| json!({"nextPageHost": "foreign", "foreignHost": host});
    let no_base = json!({"base.url": ""});
    type Case<'a> = (&'a str, Value, Value, Option<&'a str>, &'a str, &'a [&'a str]);
    let table: [Case<'_>; 8] = [
        ("as usual", json!({}), json!({}), None, "", &own),
        (
            "a link to another of the vendor's hosts is followed on the own one",
            json!({}),
            foreign("https://integration.concursolutions.com"),
            None,
            "",
            &own,
        ),
        (
            "a link to anybody else's",
            json!({}),
            foreign("https://evil.test"),
            Some("SourceNextPageInvalid"),
            "evil.test",
            &source,
        ),
        (
            "a link to a name that looks like the vendor's",
            json!({}),
            foreign("https://evilconcursolutions.com"),
            Some("SourceNextPageInvalid"),
            "evilconcursolutions.com",
            &source,
        ),
        (
            "a link to the receiver, which is own to the instance but not to the vendor",
            json!({}),
            foreign("http://receiver.sandbox.test"),
            Some("SourceNextPageInvalid"),
            RECEIVER_HOST,
            &source,
        ),
        (
            "a geolocation of anybody else's",
            no_base.clone(),
            json!({"geolocation": "https://evil.test"}),
            Some("ForeignGeolocation"),
            "evil.test",
            &[TOKEN_HOST],
        ),
        (
            "a geolocation that hides behind a user name",
            no_base,
            json!({"geolocation": "https://us.api.concursolutions.com@evil.test"}),
            Some("ForeignGeolocation"),
            "evil.test",
            &[TOKEN_HOST],
        ),
        (
            "where the configuration says where both are, no geolocation counts",
            json!({}),
            json!({"geolocation": "https://evil.test"}),
            None,
            "",
            &own,
        ),
    ];
    for (name, configuration, mut knobs, reason, words, hosts) in table {
        let geolocation = knobs.as_object_mut().unwrap().remove("geolocation");
        let mut world = world(configuration, knobs);
        if let Some(geolocation) = geolocation {
            world
                .sandbox
                .set_geolocation(geolocation.as_str().unwrap().to_owned());
        }
        let report = world.poll().await;
        let failure = report.failure;
        assert_eq!(
            failure.as_ref().map(|failure| failure.reason),
            reason,
            "{name}: {failure:?}"
        );
        assert!(
            failure.is_none_or(|failure| failure.message.contains(words)),
            "{name}"
        );
        assert_eq!(world.told_hosts(), hosts, "{name}");
        if reason == Some("SourceNextPageInvalid") {
            world.configure(json!({"nextPageHost": "own"}));
            world.wait(600).await;
            world.poll().await;
        }
        if reason != Some("ForeignGeolocation") {
            assert_eq!(world.sorted_story().len(), 5, "{name}: nothing is lost");
        }
    }
}
