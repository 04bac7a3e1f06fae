use super::*;

fn at(line: usize, column: usize) -> Place {
    Place { line, column }
}

#[test]
fn every_key_knows_its_place() {
    let yaml = "# first\na: 1\nspec:\n  list:\n  - x: yes\n    y: \"15\"\n  - z\n---\n\n# second\nb:\r\n  c.d: {e: [1, {f: 2}]}\r\n";
    let documents: Vec<_> = documents(yaml, false).into_iter().map(Result::unwrap).collect();
    assert_eq!(documents.len(), 2);
    for (document, path, expected) in [
        (0, "", at(2, 1)),
        (0, "a", at(2, 1)),
        (0, "spec.list", at(4, 3)),
        (0, "spec.list[0].y", at(6, 5)),
        (0, "spec.list[1]", at(7, 5)),
        (0, "spec.list[1].gone", at(7, 5)),
        (0, "spec.gone.deeper", at(3, 1)),
        (1, "", at(11, 1)),
        (1, "b[\"c.d\"].e[1].f", at(12, 17)),
    ] {
        assert_eq!(
            documents[document].node.locate(path),
            expected,
            "{document} {path}"
        );
    }
    assert_eq!(
        documents[0].value["spec"]["list"][0],
        serde_json::json!({"x": true, "y": "15"})
    );
}

#[test]
fn json_is_read_with_places() {
    let json = "{\n\t\"a\": {\"b\\u00fc\": [1e3, \"x\\/y\", null]},\n\t\"big\": 18446744073709551615, \"pair\": \"\\ud83d\\ude00\"\n}\n{\"second\":\n 1}";
    let documents: Vec<_> = documents(json, true).into_iter().map(Result::unwrap).collect();
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0].node.locate("a[\"bü\"][1]"), at(2, 25));
    assert_eq!(documents[0].node.locate("big"), at(3, 2));
    assert_eq!(documents[0].node.locate("pair"), at(3, 31));
    assert_eq!(documents[1].node.locate("second"), at(5, 2));
    let array = super::documents("[{\"a\": 1},\n {\"b\": 2}]", true);
    assert_eq!(array[1].as_ref().unwrap().node.locate("b"), at(2, 3));
}

#[test]
fn a_broken_document_hides_no_other() {
    let yaml = "a: 1\n---\nb: [1, 2\n---\nc: 3\n---\nd:\n\te: 1\n---\nf: 4\n";
    let read = documents(yaml, false);
    let values: Vec<_> = read
        .iter()
        .filter_map(|read| Some(read.as_ref().ok()?.value.to_string()))
        .collect();
    assert_eq!(values, ["{\"a\":1}", "{\"c\":3}", "{\"f\":4}"]);
    let broken: Vec<_> = read
        .iter()
        .filter_map(|read| Some(read.as_ref().err()?.at.line))
        .collect();
    assert_eq!(broken.len(), 2, "{broken:?}");
    assert!(
        (3..=4).contains(&broken[0]) && (7..=8).contains(&broken[1]),
        "{broken:?}"
    );
    let after = read.last().unwrap().as_ref().unwrap();
    assert_eq!(after.node.locate("f"), at(10, 1));
}

#[test]
fn repeated_keys_are_found() {
    for (text, expected) in [
        ("a: 1\nb: 2\na: 3\n", vec![("a", 1, 3)]),
        ("{\"x\": {\"k.k\": 1,\n\"k.k\": 2}}", vec![("x[\"k.k\"]", 1, 2)]),
        ("- {a: 1, a: 2}\n", vec![("[0].a", 1, 1)]),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n", vec![]),
    ] {
        let document = documents(text, false).remove(0).unwrap();
        let found = document.node.repeated();
        let found: Vec<_> = found
            .iter()
            .map(|found| (found.path.as_str(), found.first.line, found.again.line))
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn the_excerpt_marks_the_place_and_hides_secrets() {
    let secret = "s3cr3t";
    for text in [
        "spec:\n  oauth.api.secret: s3cr3t\n  x: [\n",
        "oauth.api.secret: 's3cr3t\n  x: [\n",
        "oauth.api.secret s3cr3t\n",
        "oauth.api.secret:\n  s3cr3t\n",
        "oauth.api.secret: |\n  s3cr3t\n\n  s3cr3t\nx: [\n",
        "{\"oauth.api.secret\":\"s3cr3t\", \"a\": ]",
        "{\"oauth.api.secret\" : \"a\\\"s3cr3t\", \"a\": ]",
        "{\"x\": \"{\\\"password\\\":\\\"s3cr3t\\\"}\" ]",
        "providerData: {code: s3cr3t\n",
        "\"event.notification.callback.headers\": {\"Authorization\": \"s3cr3t\"\n",
        "kind: Secret\nstringData:\n  any: s3cr3t\n  x: [\n",
        "stringData:\n  any: s3cr3t\n  s3cr3t\nkind: Secret\n",
        "{\"kind\": \"Secret\", \"data\": {\"x\": \"s3cr3t\"\n",
        "kind: Secret\nstringData:\n  any: |\n    s3cr3t\n",
        "kind: Secret\n# s3cr3t\nname: x s3cr3t\n",
        "kind: Secretmetadata: {}\ntype: OpaquestringData:\n  any: s3cr3t\n",
        "kind: Secret\nstringData:\n  a: |\n---\n    s3cr3t\n  any: s3cr3t\n",
        "{\"providerData\": {\"code-\": \"s3cr3t\"} ]",
        "{\"oauth.api.secret\": \"\n\"s3cr3t\", \"a\": 1}",
        "kind-Secret\nstringData-\n  any: s3cr3t\n",
        "kind: List\nitems:\n- kind: Secret\n  stringData: {a: s3cr3t}\n",
    ] {
        for line in 1..5 {
            let shown = Excerpts::of(text).around(at(line, 4));
            assert!(!shown.contains(secret), "{text}\n{shown}");
        }
    }
    let text = "one: 1\ntwo: 2\nthree: [\nfour: 4\nfive: 5\nsix: 6\n";
    let shown = "  1 | one: 1\n  2 | two: 2\n  3 | three: [\n    |        ^\n  4 | four: 4\n  5 | five: 5\n";
    assert_eq!(Excerpts::of(text).around(at(3, 8)), shown);
    let long = format!("{{\"a\": \"{}\" ! {}}}", "x".repeat(500), "y".repeat(500));
    let shown = Excerpts::of(&long).around(at(1, 508));
    let lines: Vec<_> = shown.lines().collect();
    let caret = lines[1].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[0].chars().nth(caret), Some('"'), "{shown}");
    assert!(lines[0].chars().count() < 120, "{shown}");
}

#[test]
fn nothing_panics() {
    let text =
        "kind: Secret\nspec: {\"oauth.api.secret\": \"ü\\\"x\", 'b': [1, *x, &y z]}\n---\n%\t|\n- - ? !!x\n";
    for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
        for begin in (0..end).filter(|begin| text.is_char_boundary(*begin)) {
            let part = &text[begin..end];
            for must_be_json in [true, false] {
                for broken in documents(part, must_be_json).into_iter().filter_map(Result::err) {
                    Excerpts::of(part).around(broken.at);
                }
            }
        }
    }
    assert!(documents(&"[".repeat(100_000), false).iter().all(Result::is_err));
    assert!(
        documents(&"a: {".repeat(10_000), false)
            .iter()
            .all(Result::is_err)
    );
}
