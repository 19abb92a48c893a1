//! `docs/json-stream.md` describes every event and field of the types. `MRSK_BLESS=1` rewrites its tables.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::golden::Golden;

const MARK: &str =
    "<!-- The rest is made from the types: MRSK_BLESS=1 cargo test --test report -->\n";

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node[key].as_str().unwrap_or_default()
}

/// Returns the type of a field in words.
fn kind(node: &Value) -> String {
    if let Some(reference) = node["$ref"].as_str() {
        return format!("`{}`", reference.trim_start_matches("#/$defs/"));
    }
    if let Some(choices) = node["anyOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match &node["type"] {
        Value::Array(types) => types
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        Value::String(kind) if kind == "array" => format!("list of {}", self::kind(&node["items"])),
        kind => kind.as_str().unwrap_or_default().to_owned(),
    }
}

fn fields(out: &mut String, node: &Value) {
    let Some(properties) = node["properties"].as_object() else {
        return;
    };
    out.push_str("\n| field | type | meaning |\n| --- | --- | --- |\n");
    for (name, field) in properties {
        match field["const"].as_str() {
            Some(event) => writeln!(out, "| `{name}` | string | `{event}` |"),
            None => writeln!(
                out,
                "| `{name}` | {} | {} |",
                kind(field),
                text(field, "description")
            ),
        }
        .unwrap();
    }
}

fn tables(schema: &Value) -> String {
    let mut out = String::from("\n## Events\n");
    for event in schema["oneOf"].as_array().unwrap() {
        let name = text(&event["properties"]["event"], "const");
        write!(out, "\n### `{name}`\n\n{}\n", text(event, "description")).unwrap();
        fields(&mut out, event);
    }
    out.push_str("\n## Types\n");
    for (name, node) in schema["$defs"].as_object().unwrap() {
        write!(out, "\n### {name}\n\n{}\n", text(node, "description")).unwrap();
        fields(&mut out, node);
        if let Some(values) = node["oneOf"].as_array() {
            out.push_str("\n| value | meaning |\n| --- | --- |\n");
            for value in values {
                let (value, meaning) = (text(value, "const"), text(value, "description"));
                writeln!(out, "| `{value}` | {meaning} |").unwrap();
            }
        }
    }
    out
}

#[test]
fn the_page_describes_every_event_and_field() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json-stream.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, _) = page.split_once(MARK).expect("the page has the mark");
    let wanted = format!("{head}{MARK}{}", tables(&mrsk::report::stream_schema()));
    Golden::default().check(&path, &wanted);
}

/// Every line of a recorded run is valid.
#[test]
fn the_recorded_stream_is_valid() {
    let validator = jsonschema::validator_for(&mrsk::report::stream_schema()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/report/failed.jsonl");
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&line)
            .map(|e| e.to_string())
            .collect();
        assert!(problems.is_empty(), "{line}: {problems:?}");
        let mut changed = line.clone();
        changed["novel"] = 1.into();
        assert!(!validator.is_valid(&changed), "{changed}");
    }
}
