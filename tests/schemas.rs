//! The JSON schemas in `schemas/`: generated from the types, and right about every recorded document. `MRSK_BLESS=1` rewrites them.

#![allow(
    clippy::disallowed_methods,
    reason = "the rule is for the product: a test may start another implementation"
)]

mod golden;
mod plan_support;

use std::path::{Path, PathBuf};
use std::process::Command;

use golden::Golden;
use jsonschema::Validator;
use plan_support::scenarios;
use serde_json::{Value, json};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schemas")
        .join(name)
}

fn schema(name: &str) -> Value {
    match name {
        "plan.schema.json" => mrsk::plan::wire::schema(),
        "deploy.schema.json" => mrsk::config::schema(),
        "events.schema.json" => mrsk::report::stream_schema(),
        "diff.schema.json" => mrsk::show::difference_schema(),
        _ => mrsk::facts::document::schema(),
    }
}

fn validator(name: &str) -> Validator {
    let schema = schema(name);
    jsonschema::meta::validate(&schema).expect("the schema is one");
    jsonschema::validator_for(&schema).expect("the schema can be used")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the document is there");
    serde_json::from_str(&text).expect("the document is JSON")
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let mut golden = Golden::default();
    for name in [
        "plan.schema.json",
        "facts.schema.json",
        "deploy.schema.json",
        "events.schema.json",
        "diff.schema.json",
    ] {
        let text = serde_json::to_string_pretty(&schema(name)).expect("a schema is JSON") + "\n";
        golden.check(&path(name), &text);
    }
}

#[test]
fn every_object_of_a_schema_is_closed_and_every_part_described() {
    for name in [
        "plan.schema.json",
        "facts.schema.json",
        "events.schema.json",
        "diff.schema.json",
    ] {
        assert_described(&schema(name), name);
    }
}

fn assert_described(node: &Value, place: &str) {
    if let Some(properties) = node.get("properties").and_then(Value::as_object) {
        assert_eq!(node["additionalProperties"], json!(false), "{place}");
        for (name, property) in properties {
            let place = format!("{place}/{name}");
            let is_kind = place.contains("oneOf");
            assert!(
                is_kind || property.get("description").is_some(),
                "{place} has no description"
            );
        }
    }
    match node {
        Value::Object(map) => {
            for (name, child) in map {
                assert_described(child, &format!("{place}/{name}"));
            }
        }
        Value::Array(list) => {
            for (at, child) in list.iter().enumerate() {
                assert_described(child, &format!("{place}/{at}"));
            }
        }
        _ => {}
    }
}

#[test]
fn every_recorded_document_is_valid() {
    let plans = validator("plan.schema.json");
    let facts = validator("facts.schema.json");
    for scenario in scenarios() {
        for (validator, file) in [(&plans, "plan.json"), (&facts, "facts.json")] {
            let document = read(&scenario.directory.join(file));
            let problems: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path))
                .collect();
            assert!(
                problems.is_empty(),
                "{} {file}: {problems:?}",
                scenario.name
            );
        }
    }
}

#[test]
fn a_changed_plan_is_not_valid() {
    let validator = validator("plan.schema.json");
    let plan = read(&plan_support::directory().join("boot-in-groups/plan.json"));
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 12] = [
        ("unknown field", |plan| plan["novel"] = json!(1)),
        ("unknown field of a step", |plan| {
            plan["steps"][0]["novel"] = json!(1)
        }),
        ("unknown kind", |plan| {
            plan["steps"][0]["kind"] = json!("teleport")
        }),
        ("the kind of a stand-in", |plan| {
            plan["steps"][0]["kind"] = json!("unknown")
        }),
        ("missing id", |plan| {
            plan["steps"][0]
                .as_object_mut()
                .expect("a step")
                .remove("id");
        }),
        ("missing digest", |plan| {
            plan.as_object_mut().expect("a plan").remove("digest");
        }),
        ("text for a number", |plan| {
            plan["steps"][0]["timeout_seconds"] = json!("120");
        }),
        ("negative number", |plan| {
            plan["steps"][0]["timeout_seconds"] = json!(-1)
        }),
        ("unknown action", |plan| {
            plan["steps"][0]["action"][0] = json!({"beam": {}})
        }),
        ("shell instead of argv", |plan| {
            plan["steps"][0]["action"][0]["run"]["argv"] = json!("docker login");
        }),
        ("unknown argument", |plan| {
            plan["steps"][0]["action"][0]["run"]["argv"][0] = json!({"from_file": "x"});
        }),
        ("unknown operation", |plan| {
            plan["hosts"]["app1.example.com"]["relies_on"][0]["op"] = json!("resembles");
        }),
    ];
    assert!(validator.is_valid(&plan));
    for (what, change) in changes {
        let mut changed = plan.clone();
        change(&mut changed);
        assert!(!validator.is_valid(&changed), "{what}");
    }
}

#[test]
fn changed_facts_are_not_valid() {
    let validator = validator("facts.schema.json");
    let facts = read(&plan_support::directory().join("second-version/facts.json"));
    let host = "/hosts/app1.example.com";
    let changes = [
        ("/novel".to_owned(), json!(1)),
        (format!("{host}/novel"), json!(1)),
        (format!("{host}/privilege"), json!("king")),
        (format!("{host}/docker/answers"), json!("yes")),
        (format!("{host}/containers/traefik/created_at"), json!(-1)),
        (format!("{host}/networks"), json!("mrsk")),
    ];
    assert!(validator.is_valid(&facts));
    for (place, value) in changes {
        let mut changed = facts.clone();
        let (parent, field) = place.rsplit_once('/').expect("a pointer");
        changed.pointer_mut(parent).expect("a place")[field] = value;
        assert!(!validator.is_valid(&changed), "{place}");
    }
}

/// Another implementation says the same: `pip install jsonschema`.
#[test]
#[ignore = "needs python3 with the package jsonschema"]
fn an_independent_validator_agrees() {
    let script = "
import json, pathlib, sys
try:
    import jsonschema
except ImportError:
    sys.exit('python3 cannot import jsonschema: install it with `pip install jsonschema`, and name the python of a virtual environment with MRSK_PYTHON')
root = pathlib.Path(sys.argv[1])
for kind in ('plan', 'facts'):
    schema = json.loads((root / 'schemas' / (kind + '.schema.json')).read_text())
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    documents = sorted((root / 'fixtures' / 'plans').glob('*/' + kind + '.json'))
    assert documents
    for path in documents:
        document = json.loads(path.read_text())
        validator(schema).validate(document)
        document['novel'] = 1
        assert not validator(schema).is_valid(document), path
";
    let python = std::env::var_os("MRSK_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(&python)
        .args(["-c", script, env!("CARGO_MANIFEST_DIR")])
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", python.display()));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
}

#[test]
fn a_difference_is_valid() {
    let plan = |scenario: &str| {
        let path = plan_support::directory().join(scenario).join("plan.json");
        serde_json::from_value(read(&path)).unwrap()
    };
    let (old, new) = (plan("second-version"), plan("two-roles"));
    let difference = mrsk::show::difference(&old, &new).unwrap();
    let document = serde_json::to_value(&difference).unwrap();
    let validator = validator("diff.schema.json");
    let problems: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(document["equal"], json!(false));
}
