//! `docs/notification.schema.json` and `docs/cloudevent.schema.json`, against which every delivered notification is
//! checked.

use std::sync::LazyLock;

use jsonschema::Validator;

static NOTIFICATION: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../../../docs/notification.schema.json")));
static CLOUD_EVENT: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../../../docs/cloudevent.schema.json")));

fn validator(schema: &str) -> Validator {
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&serde_json::from_str(schema).unwrap())
        .unwrap()
}

/// Panics where a delivered body is not what the schema promises.
pub fn assert_is_notification(body: &[u8]) {
    check(&NOTIFICATION, body);
}

/// The same for the format CloudEvents.
pub fn assert_is_cloud_event(body: &[u8]) {
    check(&CLOUD_EVENT, body);
}

fn check(validator: &Validator, body: &[u8]) {
    let body = serde_json::from_slice(body).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(&body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?} in {body:#}");
}
