//! Concur's older format, which it answers without `Accept: application/json`.

use serde_json::Value;

const NAMESPACES: &str =
    "xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

/// Prints a JSON body as XML under a root element, with an element for each record of a listing; an error body
/// brings its own root.
pub(crate) fn print(root: &str, item: &str, body: &Value) -> String {
    let (root, body) = match body.get("Error") {
        Some(error) => ("Error", error),
        None => (root, body),
    };
    let mut out = format!("<{root} {NAMESPACES}>");
    children(&mut out, item, body);
    out.push_str(&format!("</{root}>"));
    out
}

fn children(out: &mut String, item: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, inner)| element(out, item, name, inner)),
        Value::Array(items) => items.iter().for_each(|inner| element(out, item, item, inner)),
        // All other numbers are amounts.
        Value::Number(number) => out.push_str(&format!("{:.8}", number.as_f64().unwrap_or_default())),
        Value::String(text) => {
            out.push_str(
                &text
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('>', "&gt;"),
            );
        }
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
    }
}

fn element(out: &mut String, item: &str, name: &str, value: &Value) {
    if value.is_null() {
        out.push_str(&format!("<{name} xsi:nil=\"true\" />"));
        return;
    }
    out.push_str(&format!("<{name}>"));
    match value {
        Value::Number(count) if name == "TotalCount" => out.push_str(&count.to_string()),
        _ => children(out, item, value),
    }
    out.push_str(&format!("</{name}>"));
}
