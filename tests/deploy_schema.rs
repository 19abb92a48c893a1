//! `schemas/deploy.schema.json`: it takes what the loader takes, refuses what one file alone shows to be wrong, and has the
//! loader's keys.

mod erb_world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use erb_world::Fixed;
use jsonschema::Validator;
use mrsk::config;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn validator() -> Validator {
    let schema = config::schema();
    jsonschema::meta::validate(&schema).expect("the schema is one");
    jsonschema::validator_for(&schema).expect("the schema can be used")
}

/// Every configuration of a folder of fixtures, those of destinations among them.
fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = root().join("fixtures/config").join(kind);
    let files = fs::read_dir(folder).expect("the fixtures are there");
    let files = files.map(|file| file.expect("a file").path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".yml") && !name.ends_with(".resolved.yml")
        })
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    let name = path.file_name().expect("a file has a name");
    name.to_string_lossy().into_owned()
}

/// Returns what an editor sees in the file, or why there is nothing to see.
fn document(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let text = mrsk::erb::evaluate(&name(path), &text, &mut Fixed)
        .map_err(|problems| problems[0].message.clone())?
        .text;
    let mut value: serde_yaml::Value =
        serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    value.apply_merge().map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

#[test]
fn it_takes_every_valid_configuration() {
    let validator = validator();
    let mut problems = Vec::new();
    for path in fixtures("valid") {
        let document = document(&path).expect("a valid file is YAML");
        let errors = validator.iter_errors(&document);
        problems.extend(
            errors.map(|error| format!("{} at {}: {error}", name(&path), error.instance_path)),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Invalid configurations that the schema takes, since one file's values alone do not tell.
const LEFT_TO_THE_LOADER: &[(&str, &str)] = &[
    ("accessories-roles.yml", "which roles there are"),
    (
        "accessories-same-port.yml",
        "which values exclude each other",
    ),
    ("broadcast.yml", "unclosed quote"),
    (
        "builder-arch-and-machines.yml",
        "which values exclude each other",
    ),
    ("builder-arch-of-two.yml", "which values exclude each other"),
    (
        "builder-remote-arch.yml",
        "the other file may have the rest",
    ),
    (
        "builder-local-alone.yml",
        "the other file may have the rest",
    ),
    (
        "builder-multiarch-and-remote.yml",
        "the other file may have the rest",
    ),
    (
        "builder-native-and-remote.yml",
        "the other file may take one out",
    ),
    (
        "builder-same-architecture.yml",
        "the other file may change one",
    ),
    ("cmd.yml", "unclosed quote"),
    ("empty.yml", "the other file may have the rest"),
    ("missing-keys.yml", "the other file may have the rest"),
    ("nul.yml", "a byte, not a value"),
    ("only-comments.yml", "the other file may have the rest"),
    ("proxy-without-host.yml", "the other file may have the rest"),
    ("registry-login.yml", "the other file may have the rest"),
    ("ssh-keys-only.yml", "the other file may have the rest"),
];

#[test]
fn it_refuses_every_invalid_configuration_but_those_that_are_left_to_the_loader() {
    let validator = validator();
    let taken: BTreeSet<String> = fixtures("invalid")
        .iter()
        .filter(|path| document(path).is_ok_and(|document| validator.is_valid(&document)))
        .map(|path| name(path))
        .collect();
    let expected: BTreeSet<String> = LEFT_TO_THE_LOADER
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(taken, expected);
}

#[test]
fn its_keys_are_those_of_the_loader() {
    let schema = config::schema();
    let role = "/properties/servers/anyOf/1/additionalProperties/anyOf/1";
    for (below, pointer) in [
        (vec![], ""),
        (vec!["servers", "web"], role),
        (vec!["registry"], "/properties/registry"),
        (vec!["builder"], "/properties/builder"),
        (
            vec!["builder", "local"],
            "/properties/builder/properties/local",
        ),
        (
            vec!["builder", "remote"],
            "/properties/builder/properties/remote/anyOf/0",
        ),
        (vec!["traefik"], "/properties/traefik"),
        (vec!["healthcheck"], "/properties/healthcheck"),
        (vec!["logging"], "/properties/logging"),
        (vec!["ssh"], "/properties/ssh"),
        (vec!["boot"], "/properties/boot"),
        (
            vec!["accessories", "db"],
            "/properties/accessories/additionalProperties",
        ),
    ] {
        let node = schema.pointer(pointer).expect("a place of the schema");
        let properties = node["properties"].as_object().expect("a map of keys");
        let keys: BTreeSet<String> = properties.keys().cloned().collect();
        assert_eq!(keys, loaders_keys(&below), "{below:?}");
        assert_eq!(node["additionalProperties"], json!(false), "{below:?}");
    }
}

/// Returns the keys that the loader names where it finds an unknown one.
fn loaders_keys(below: &[&str]) -> BTreeSet<String> {
    let innermost = json!({ "0000": 1 });
    let text = below
        .iter()
        .rev()
        .fold(innermost, |inner, key| json!({ *key: inner }));
    let problems = config::parse("deploy.yml", &text.to_string(), None);
    let problems = problems.expect_err("an unknown key is refused");
    let help = problems
        .iter()
        .filter_map(|problem| problem.help.as_deref())
        .find_map(|help| help.strip_prefix("known keys: "));
    let help = help.expect("the known keys are named");
    help.split(", ")
        .flat_map(|keys| keys.split(" and "))
        .map(|key| key.trim_matches('`').to_owned())
        .collect()
}

#[test]
fn every_key_is_described() {
    fn assert_described(node: &Value, place: &str) {
        if let Some(properties) = node.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let text = property["description"].as_str().unwrap_or_default();
                assert!(text.ends_with('.'), "{place}/{name}: {text:?}");
            }
        }
        match node {
            Value::Object(map) => map
                .iter()
                .for_each(|(name, child)| assert_described(child, &format!("{place}/{name}"))),
            Value::Array(list) => list.iter().for_each(|child| assert_described(child, place)),
            _ => {}
        }
    }
    assert_described(&config::schema(), "");
}
