//! What the documents say of the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::assert_none;
use super::tree::{files, relative, root};

/// The documents whose links are checked.
fn documents() -> Vec<PathBuf> {
    let mut found = files(&root().join("docs"), ".md");
    found
        .extend(["README.md", "CHANGELOG.md", "tests/lab/README.md"].map(|name| root().join(name)));
    found
}

/// Returns the anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// Returns a document without its code blocks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for path in documents() {
        let text = prose(&fs::read_to_string(&path).unwrap());
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            let found = fs::metadata(&file).is_ok();
            let anchored = anchor.is_empty()
                || found && anchors(&fs::read_to_string(&file).unwrap()).contains(anchor);
            if !found || !anchored {
                problems.push(format!("{}: {target}", relative(&path, root())));
            }
        }
    }
    assert_none("broken links", &problems);
}

#[test]
fn paths_named_in_the_documents_exist() {
    let mut problems = Vec::new();
    for path in documents() {
        let text = prose(&fs::read_to_string(&path).unwrap());
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "docs/", "fixtures/", "schemas/", "bin/"]
                .iter()
                .any(|dir| word.starts_with(dir));
            let named = word.split([' ', '*']).next().unwrap_or(word);
            if is_path && fs::metadata(root().join(named)).is_err() {
                problems.push(format!("{}: {word}", relative(&path, root())));
            }
        }
    }
    assert_none("the documents name what is not there", &problems);
}

#[test]
fn the_changelog_has_a_place_for_what_is_new() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(text.lines().any(|line| line == "## [Unreleased]"));
}

#[test]
fn the_plan_format_describes_every_field() {
    let text = fs::read_to_string(root().join("docs/plan-format.md")).unwrap();
    let described: BTreeSet<&str> = text.split('`').skip(1).step_by(2).collect();
    let mut names = BTreeSet::new();
    properties(&mrsk::plan::wire::schema(), &mut names);
    assert!(
        names.contains("relies_on") && names.contains("needs"),
        "{names:?}"
    );
    let missing: Vec<String> = names
        .into_iter()
        .filter(|name| !described.contains(name.as_str()))
        .collect();
    assert_none("docs/plan-format.md does not describe", &missing);
}

/// Collects the names of properties and the values of closed enums from a JSON schema.
fn properties(schema: &serde_json::Value, names: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("properties", serde_json::Value::Object(fields)) => {
                        names.extend(fields.keys().cloned())
                    }
                    ("const", serde_json::Value::String(value)) => {
                        names.insert(value.clone());
                    }
                    ("enum", serde_json::Value::Array(values)) => {
                        names.extend(
                            values
                                .iter()
                                .filter_map(|value| value.as_str().map(str::to_owned)),
                        );
                    }
                    _ => {}
                }
                properties(value, names);
            }
        }
        serde_json::Value::Array(values) => {
            values.iter().for_each(|value| properties(value, names))
        }
        _ => {}
    }
}
