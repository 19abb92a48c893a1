//! The declared `rust-version` is enough for each dependency. Clippy (`incompatible_msrv`) looks after
//! our own code.

#![expect(clippy::disallowed_methods, reason = "a test asks cargo")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::{assert_none, tree::root};

/// Returns what cargo knows of the packages in Cargo.lock.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns the ids of the packages that a build of mrsk needs.
fn needed(metadata: &Value) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut found = BTreeSet::new();
    let mut work: Vec<&str> = metadata["resolve"]["root"].as_str().into_iter().collect();
    while let Some(id) = work.pop() {
        if found.insert(id) {
            let needed = list(&nodes[id]["deps"]).iter().filter(|dep| {
                list(&dep["dep_kinds"])
                    .iter()
                    .any(|kind| kind["kind"] != "dev")
            });
            work.extend(needed.filter_map(|dep| dep["pkg"].as_str()));
        }
    }
    found
}

/// Returns `1.88` and `1.88.0` as the same.
fn version(text: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = text.split('.').map(|part| part.parse().unwrap()).collect();
    parts.resize(3, 0);
    parts
}

#[test]
fn no_dependency_needs_a_newer_rust() {
    let declared = version(env!("CARGO_PKG_RUST_VERSION"));
    let metadata = metadata();
    let needed = needed(&metadata);
    assert!(needed.len() > 100, "only {} packages", needed.len());
    let problems: Vec<String> = list(&metadata["packages"])
        .iter()
        .filter(|package| package["id"].as_str().is_some_and(|id| needed.contains(id)))
        .filter(|package| {
            let wanted = package["rust_version"].as_str();
            wanted.is_some_and(|wanted| version(wanted) > declared)
        })
        .map(|package| format!("{} needs Rust {}", package["name"], package["rust_version"]))
        .collect();
    assert_none("rust-version in Cargo.toml is too old", &problems);
}
