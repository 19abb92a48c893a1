//! `docs/configuration.md`: it has every key of the schema with its default, no other, and examples that can be pasted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mrsk::config::{self, Destination};
use serde_json::Value;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    std::fs::read_to_string(path).expect("the document is there")
}

/// Adds every key below `node`, as the document writes it, with its schema.
fn keys<'s>(node: &'s Value, path: &str, found: &mut BTreeMap<String, &'s Value>) {
    let child = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    // Their own tables say what an environment and options have.
    let described_elsewhere = path.ends_with("options")
        || path.ends_with("ROLE.healthcheck")
        || path.ends_with("ROLE.logging")
        || path == "env.tags"
        || path.ends_with("ROLE.proxy")
        || path.ends_with("NAME.proxy")
        || (path.ends_with(".env") && path != "env");
    if described_elsewhere {
        return;
    }
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        found.insert(child(name), property);
        keys(property, &child(name), found);
    }
    for kind in node["anyOf"].as_array().into_iter().flatten() {
        keys(kind, path, found);
    }
    let placeholder = if path == "servers" { "ROLE" } else { "NAME" };
    if let Some(free) = node.get("additionalProperties") {
        keys(free, &child(placeholder), found);
    }
}

/// Returns the first and the third cell of each row whose first cell is a key.
fn rows(document: &str) -> Vec<(String, String)> {
    let rows = document.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split(" | ").collect();
        Some((
            cells[0].trim_end_matches('`').to_owned(),
            cells[2].to_owned(),
        ))
    });
    rows.collect()
}

#[test]
fn every_key_of_the_schema_has_a_row_and_no_other() {
    let schema = config::schema();
    let mut found = BTreeMap::new();
    keys(&schema, "", &mut found);
    assert!(found.len() > 50, "only {} keys", found.len());
    let document = document();
    let rows = rows(&document);
    let written: BTreeSet<&str> = rows.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(written.len(), rows.len(), "a key has two rows");
    let mut expected: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    // A role is no key of the schema, but has two forms that need words.
    expected.insert("servers.ROLE");
    assert_eq!(written, expected);
}

#[test]
fn every_default_is_that_of_the_schema() {
    let schema = config::schema();
    let mut found = BTreeMap::new();
    keys(&schema, "", &mut found);
    for (key, default) in rows(&document()) {
        let Some(expected) = found.get(&key).and_then(|key| key.get("default")) else {
            continue;
        };
        let expected = match expected {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        assert_eq!(default, expected, "{key}");
    }
}

#[test]
fn every_example_is_valid() {
    let rest = "service: shop\nimage: acme/shop\nservers: [192.0.2.1]\nregistry: {server: registry.example.com}\n";
    let schema = jsonschema::validator_for(&config::schema()).expect("the schema can be used");
    let document = document();
    let blocks: Vec<&str> = document
        .split("```yaml\n")
        .skip(1)
        .filter_map(|after| after.split("```").next())
        .collect();
    assert!(blocks.len() >= 12, "only {} examples", blocks.len());
    for text in blocks {
        let over = Destination {
            name: "example",
            path: "deploy.example.yml",
            text,
        };
        let loaded = config::parse("deploy.yml", rest, Some(over));
        let loaded = loaded.unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
        assert!(loaded.warnings.is_empty(), "{text}\n{:?}", loaded.warnings);
        let mut value: serde_yaml::Value = serde_yaml::from_str(text).expect("it is YAML");
        value.apply_merge().expect("anchors are merged");
        let value = serde_json::to_value(value).expect("it is JSON");
        assert!(schema.is_valid(&value), "{text}");
    }
}
