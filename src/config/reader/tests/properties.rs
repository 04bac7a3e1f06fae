//! What holds for any configuration.

use proptest::prelude::*;
use serde_json::Map;

use super::*;

/// Any JSON, with the words of configurations among its keys and texts.
fn any_value() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "reports",
        "url",
        "idField",
        "datesConfiguration",
        "updatedDateField",
        "updatedDateFormat",
        "pageSize",
        "Url",
        "id_field",
        "event.poller.configuration",
        "{objectName}",
        "a|/b|c|d|yyyy",
        "a: b; c: d",
        "ID",
        "yyyy-MM-dd",
        "${date:yyyy}",
        "${",
        "true",
        "1",
        "********",
        "https://example.com",
        "{}",
        "",
    ]);
    let text = prop_oneof![words.prop_map(str::to_owned), "\\PC{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn any_configuration_is_settings_or_named_problems(
        values in prop::collection::vec((prop::sample::select(crate::api::KNOWN_KEYS), any_value()), 0..6),
        as_text in any::<bool>(),
    ) {
        let mut spec = sample();
        for (known, value) in values {
            let value = if as_text { json!(value.to_string()) } else { value };
            spec["configuration"][known.key] = value;
        }
        match read_json(spec, &credentials()).settings {
            Ok(settings) => {
                prop_assert!(!settings.resources.is_empty());
                for resource in settings.resources {
                    prop_assert!(!resource.name.trim().is_empty() && !resource.url.as_str().is_empty());
                    prop_assert!(!resource.id_field.to_string().is_empty());
                }
            }
            Err(problems) => {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(!problem.path.is_empty() && !problem.message.is_empty() && !problem.remedy.is_empty());
                prop_assert!(problem.path.starts_with("spec.") || problem.path.starts_with("secret/"));
            }
            }
        }
    }

    #[test]
    fn any_text_is_settings_or_named_problems(
        key in prop::sample::select(vec![
            "event.poller.configuration", "event.poller.urls", "event.notification.callback.headers", "event.objects",
        ]),
        text in "[\\PC\n]{0,40}|[{}\"':,a|/=$&* \n\\[\\]-]{0,40}|(\\{\"a\": ?){0,3}[\"'{}a,]{0,8}",
    ) {
        let mut spec = sample();
        if key != "event.notification.callback.headers" {
            spec["configuration"].as_object_mut().unwrap().shift_remove("event.poller.configuration");
        }
        spec["configuration"][key] = json!(text);
        match read_json(spec, &credentials()).settings {
            Ok(settings) => prop_assert!(!settings.resources.is_empty()),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
