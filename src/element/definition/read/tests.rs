use serde_json::json;

use super::*;

impl Definition {
    /// The definition as a document.
    pub(in crate::element) fn document(&self) -> Value {
        json!({
            "apiVersion": "pollinator.dev/v1alpha1",
            "kind": "Element",
            "metadata": {"name": self.key},
            "spec": self,
        })
    }
}

/// Every kind of thing that a definition can say.
const GOOD: &str = r#"apiVersion: pollinator.dev/v1alpha1
kind: Element
metadata: {name: example}
spec:
  title: Example
  id: 7
  hub: crm
  authentication:
    header: {name: x-api-key, configurationKey: example.key}
  baseUrl: https://api.example.com/v1
  answers:
    correlationHeader: x-request-id
    rules:
      - {status: [401], action: AskHuman, remedy: check `example.key`}
  polledByDefault: [contacts]
  resources:
    - name: contacts
      aliases: [people]
      path: /contacts
      items: [result.records, $]
      nextPage: {cursor: {field: result.next, parameter: cursor}}
      pageSize: {parameter: size, default: 50, max: 200}
      required: {owner: "add owner='…' to the where clause"}
      where:
        parameters:
          - {field: modified, operators: [">"], parameter: since}
      dates:
        - {parameters: [since], patterns: [yyyy-MM-dd]}
      headers: {accept: application/json}
      deleted: {field: state, values: [gone]}
      poller:
        url: /hubs/crm/contacts?where=since='${gmtDate:yyyy-MM-dd}' and owner='me'
        idField: id
        datesConfiguration: {updatedDateField: at, updatedDateFormat: yyyy-MM-dd}
    - name: notes
      path: /notes
      items: [$]
      nextPage: {offset: {parameter: offset, total: total}}
  limits: {concurrentRequests: 2, rateLimit: {requests: 20, perSeconds: 1}}
"#;

#[test]
fn a_definition_is_read_and_written() {
    let definition = parse_definition(GOOD).unwrap();
    assert_eq!(
        (definition.key.as_str(), definition.id, definition.resources.len()),
        ("example", Some(7), 2)
    );
    let document = definition.document();
    assert_eq!(check_definition(&document).unwrap().document(), document);
    let json = document.to_string();
    assert_eq!(parse_definition(&json).unwrap().document(), document);
}

#[test]
fn faults_have_place_path_and_remedy() {
    // What is replaced by what, and the beginning of a problem.
    let table = [
        (
            "kind: Element",
            "kind: Elephant",
            "2:1: kind: unknown variant `Elephant`",
        ),
        ("v1alpha1", "v1", "1:1: apiVersion: unknown variant"),
        (
            "{name: example}",
            "{name: Ex ample}",
            "3:12: metadata.name: \"Ex ample\" is no name",
        ),
        (
            "{name: example}",
            "{}",
            "3:1: metadata: missing field `name`; add name",
        ),
        (
            "title: Example",
            "titel: Example",
            "5:3: spec.titel: unknown field `titel`",
        ),
        (
            "title: Example",
            "title: ' '",
            "5:3: spec.title: is empty; write a text",
        ),
        (
            "id: 7",
            "id: seven",
            "6:3: spec.id: invalid type: string \"seven\"",
        ),
        ("hub: crm", "hub: a/b", "7:3: spec.hub: \"a/b\" is no hub"),
        ("  hub: crm\n", "", "4:1: spec.hub: is missing; write the hub"),
        (
            "name: x-api-key",
            "name: x api key",
            "9:14: spec.authentication.header.name: \"x api key\" cannot",
        ),
        (
            "https://api",
            "ftp://api",
            "10:3: spec.baseUrl: \"ftp://api.example.com/v1\" cannot be requested",
        ),
        ("x-request-id", "'x y'", "12:5: spec.answers.correlationHeader"),
        (
            "status: [401]",
            "status: [200]",
            "14:10: spec.answers.rules[0].status: 200 is no status",
        ),
        (
            "action: AskHuman",
            "action: Ask",
            "14:25: spec.answers.rules[0].action: unknown variant `Ask`",
        ),
        (
            "[contacts]",
            "[notes]",
            "15:21: spec.polledByDefault[0]: \"notes\" is no resource with a poller",
        ),
        (
            "name: contacts",
            "name: /contacts",
            "17:7: spec.resources[0].name: \"/contacts\" is no part",
        ),
        (
            "aliases: [people]",
            "aliases: [notes]",
            "35:7: spec.resources[1].name: \"notes\" is a name of resource 0",
        ),
        (
            "path: /contacts",
            "path: contacts",
            "19:7: spec.resources[0].path: \"contacts\" is no absolute path",
        ),
        (
            "      path: /notes\n",
            "",
            "35:7: spec.resources[1].path: is missing; write the vendor's path",
        ),
        (
            "[result.records, $]",
            "[]",
            "20:7: spec.resources[0].items: says not where",
        ),
        (
            "items: [result.records, $]",
            "items: x",
            "20:7: spec.resources[0].items: invalid type: string \"x\"",
        ),
        (
            "{cursor: {field",
            "{curser: {field",
            "21:7: spec.resources[0].nextPage: unknown variant `curser`",
        ),
        (
            "{field: result.next, ",
            "{",
            "21:18: spec.resources[0].nextPage.cursor: needs a field or a header",
        ),
        (
            "default: 50",
            "default: 500",
            "22:35: spec.resources[0].pageSize.default: 500 is no size of a page",
        ),
        (
            "default: 50",
            "defalt: 50",
            "22:35: spec.resources[0].pageSize.defalt: unknown field `defalt`",
        ),
        (
            "operators: [\">\"]",
            "operators: [\"~\"]",
            "26:31: spec.resources[0].where.parameters[0].operators",
        ),
        (
            "patterns: [yyyy-MM-dd]",
            "patterns: [yyyy-'MM]",
            "28:44: spec.resources[0].dates[0].patterns[0]: \"yyyy-'MM\" has a quote without its partner; remove it, or",
        ),
        (
            "accept: application",
            "'a b': application",
            "29:17: spec.resources[0].headers[\"a b\"]: \"a b\" cannot",
        ),
        (
            "values: [gone]",
            "values: []",
            "30:31: spec.resources[0].deleted.values: is empty",
        ),
        (
            "crm/contacts?where=since",
            "crm/notes?where=since",
            "32:9: spec.resources[0].poller.url: does not name",
        ),
        (
            "gmtDate:yyyy-MM-dd",
            "gmtDate:yyyy-MM",
            "32:9: spec.resources[0].poller.url: where clause: since would be",
        ),
        (
            " and owner='me'",
            "",
            "32:9: spec.resources[0].poller.url: where clause: owner is missing; add owner=",
        ),
        (
            "${gmtDate:",
            "${gmDate:",
            "32:9: spec.resources[0].poller.url: there is no macro",
        ),
        (
            "idField: id",
            "idField: a..b",
            "33:9: spec.resources[0].poller.idField",
        ),
        (
            ", updatedDateFormat: yyyy-MM-dd",
            "",
            "34:9: spec.resources[0].poller.datesConfiguration",
        ),
        (
            "name: notes",
            "name: 'no: tes",
            "35:13: is no valid YAML: unclosed quote; mend",
        ),
        ("- name: notes", "- name: notes\n      name: notes", "36:7: "),
        (
            "concurrentRequests: 2",
            "concurrentRequests: 0",
            "39:12: spec.limits.concurrentRequests: 0 is no limit; write a number from 1 to 64",
        ),
        (
            "concurrentRequests: 2",
            "concurentRequests: 2",
            "39:12: spec.limits.concurentRequests: unknown field `concurentRequests`",
        ),
        (
            "requests: 20",
            "requests: 10001",
            "39:47: spec.limits.rateLimit.requests: 10001 is no limit; write a number from 1 to 10000",
        ),
        (
            "perSeconds: 1",
            "perSeconds: 0",
            "39:61: spec.limits.rateLimit.perSeconds: 0 is no limit; write a number from 1 to 3600",
        ),
        (
            "requests: 20, ",
            "",
            "39:35: spec.limits.rateLimit: missing field `requests`; add requests",
        ),
    ];
    let mut wrong = Vec::new();
    for (from, to, expected) in table {
        assert_eq!(GOOD.matches(from).count(), 1, "{from}");
        let problems = parse_definition(&GOOD.replacen(from, to, 1)).unwrap_err();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        if !texts.iter().any(|text| text.starts_with(expected)) {
            wrong.push((to, expected, texts));
        }
        assert!(problems.iter().all(|problem| !problem.remedy.is_empty()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn one_fault_hides_no_other() {
    let faulty = GOOD
        .replace("title: Example", "titl: Example")
        .replace("default: 50", "defalt: 50")
        .replace("path: /notes", "pth: /notes");
    let problems = parse_definition(&faulty).unwrap_err();
    let places: Vec<_> = problems.iter().map(|p| (p.line, p.remedy.as_str())).collect();
    assert_eq!(
        places,
        [
            (5, "did you mean title?"),
            (22, "did you mean default?"),
            (36, "did you mean path?")
        ]
    );
    let faulty = GOOD.replace("https://api", "ftp://api").replace("[gone]", "[]");
    assert_eq!(parse_definition(&faulty).unwrap_err().len(), 2);
}

#[test]
fn any_text_is_answered() {
    for text in [
        "",
        "7",
        "[]",
        "{}",
        "a: b",
        "\u{0}",
        "- - -",
        "&a [*a]",
        "kind: Element\n---\nkind: Element",
    ] {
        assert!(!parse_definition(text).unwrap_err().is_empty(), "{text:?}");
    }
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &('b'..='l')
            .map(|c| {
                format!(
                    "{c}: &{c} [{0}, {0}, {0}, {0}, {0}, {0}]\n",
                    format!("*{}", char::from(c as u8 - 1))
                )
            })
            .collect::<String>();
    for text in [
        "[".repeat(100_000),
        "a: {".repeat(10_000),
        "- ".repeat(50_000),
        bomb,
    ] {
        assert!(!parse_definition(&text).unwrap_err().is_empty());
    }
    for end in (0..GOOD.len())
        .filter(|end| GOOD.is_char_boundary(*end))
        .step_by(7)
    {
        let _ = parse_definition(&GOOD[..end]);
        let _ = parse_definition(&GOOD[end..]);
    }
}

#[test]
fn element_schema_is_up_to_date() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/element.schema.json");
    let schema = crate::element::definition_schema();
    let fresh = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(stored == fresh, "{} is stale; run: make crds", file.display());
}

#[test]
fn everything_in_the_schema_is_described() {
    fn undescribed(at: &str, schema: &Value, found: &mut Vec<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if property["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!("{at}.{name}"));
            }
            undescribed(&format!("{at}.{name}"), property, found);
        }
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            undescribed(name, definition, found);
        }
        for one in schema["oneOf"].as_array().into_iter().flatten() {
            if one["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!("{at}: {one}"));
            }
            for property in one["properties"].as_object().into_iter().flatten() {
                undescribed(&format!("{at}.{}", property.0), property.1, found);
            }
        }
    }
    let mut found = Vec::new();
    undescribed(
        "",
        &serde_json::to_value(crate::element::definition_schema()).unwrap(),
        &mut found,
    );
    assert!(found.is_empty(), "{found:#?}");
}
