//! What differs between two plans.

mod document;
mod neutral;
mod text;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

pub use document::Difference;
pub use text::render;

use self::document::{
    Change, FORMAT_VERSION, FileDifference, HostDifference, LineDifference, StepDifference,
    ValueDifference,
};
use self::neutral::Neutral;
use self::values::{added, below, compare, removed};
use crate::plan::{Plan, Step, StepKind};

/// The parts of a plan that are compared as they are.
const SETTINGS: [&str; 13] = [
    "format_version",
    "operation",
    "service",
    "version",
    "image",
    "config",
    "source",
    "secrets",
    "secrets_files",
    "secret_commands",
    "pre_connect",
    "lock_host",
    "max_failures",
];

/// Compares two plans.
///
/// # Errors
/// A plan cannot be written as JSON.
pub fn difference(old: &Plan, new: &Plan) -> Result<Difference, serde_json::Error> {
    let pair = Pair {
        old,
        new,
        old_json: serde_json::to_value(old)?,
        new_json: serde_json::to_value(new)?,
        old_names: Neutral::of(old, new),
        new_names: Neutral::of(new, old),
    };
    let steps = pair.steps();
    Ok(Difference {
        format_version: FORMAT_VERSION.to_owned(),
        old: old.digest.to_string(),
        new: new.digest.to_string(),
        equal: old == new,
        settings: pair.settings(),
        hosts: pair.hosts(),
        files: pair.files(&steps),
        steps,
        warnings: pair.items("warnings"),
        unchanged: pair.items("unchanged"),
    })
}

/// Returns the JSON schema of the document, as it stands in `schemas/diff.schema.json`.
pub fn difference_schema() -> Value {
    let mut schema = schemars::schema_for!(Difference).to_value();
    if let Value::Object(map) = &mut schema {
        map.insert("title".into(), format!("mrsk diff {FORMAT_VERSION}").into());
    }
    schema
}

/// Two plans, also as JSON.
struct Pair<'p> {
    old: &'p Plan,
    new: &'p Plan,
    old_json: Value,
    new_json: Value,
    old_names: Neutral,
    new_names: Neutral,
}

impl Pair<'_> {
    fn settings(&self) -> Vec<ValueDifference> {
        let mut found = Vec::new();
        for key in SETTINGS {
            self.compare_below("", key, &mut found);
        }
        found
    }

    /// Compares the values of `key` in the maps at `pointer`.
    fn compare_below(&self, pointer: &str, key: &str, found: &mut Vec<ValueDifference>) {
        let pointer = below(pointer, key);
        let (old, new) = (
            self.old_json.pointer(&pointer),
            self.new_json.pointer(&pointer),
        );
        match (old, new) {
            (Some(old), Some(new)) => compare((&pointer, old), (&pointer, new), found),
            (Some(old), None) => found.push(removed(pointer, old)),
            (None, Some(new)) => found.push(added(pointer, new)),
            (None, None) => {}
        }
    }

    fn hosts(&self) -> Vec<HostDifference> {
        let names: BTreeSet<_> = self.old.hosts.keys().chain(self.new.hosts.keys()).collect();
        let hosts = names.into_iter().filter_map(|name| {
            let mut values = Vec::new();
            let (old, new) = (self.old.hosts.get(name), self.new.hosts.get(name));
            let change = match (old, new) {
                (Some(old), Some(new)) if old == new => return None,
                (Some(_), Some(_)) => {
                    self.compare_below("/hosts", name.as_str(), &mut values);
                    Change::Changed
                }
                (Some(_), None) => Change::Removed,
                (None, _) => Change::Added,
            };
            Some(HostDifference {
                change,
                host: name.to_string(),
                values,
            })
        });
        hosts.collect()
    }

    fn steps(&self) -> Vec<StepDifference> {
        let matched = self.matched();
        let taken: BTreeSet<usize> = matched.values().copied().collect();
        let only_old = self.old.steps.iter().enumerate();
        let only_old = only_old.filter(|(at, _)| !taken.contains(at));
        let mut found: Vec<StepDifference> = only_old
            .map(|(at, step)| one(step, Change::Removed, at))
            .collect();
        for (at, step) in self.new.steps.iter().enumerate() {
            match matched.get(&at) {
                None => found.push(one(step, Change::Added, at)),
                Some(old) => found.extend(self.changed_step(*old, at)),
            }
        }
        found
    }

    fn changed_step(&self, old: usize, new: usize) -> Option<StepDifference> {
        let (from, to) = (pointer_of_step(old), pointer_of_step(new));
        let (before, after) = (self.old_json.pointer(&from)?, self.new_json.pointer(&to)?);
        if before == after {
            return None;
        }
        let mut values = Vec::new();
        compare((&from, before), (&to, after), &mut values);
        let is_same = self.old_names.value("", before) == self.new_names.value("", after);
        let step = &self.new.steps[new];
        Some(StepDifference {
            old: Some(from),
            // What this machine would run besides is always shown.
            only_version: is_same
                && (step.host.is_some()
                    || step.action.is_empty()
                    || matches!(step.kind, StepKind::Build | StepKind::Push)),
            values,
            ..one(step, Change::Changed, new)
        })
    }

    /// Returns the steps of the old plan that those of the new plan are compared with, by their positions: those with the same id, and
    /// those whose ids differ in the version alone.
    fn matched(&self) -> HashMap<usize, usize> {
        let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
        for (at, step) in self.old.steps.iter().enumerate() {
            by_id.insert(step.id.to_string(), at);
        }
        let mut matched = HashMap::new();
        for (at, step) in self.new.steps.iter().enumerate() {
            if let Some(old) = by_id.remove(step.id.as_str()) {
                matched.insert(at, old);
            }
        }
        let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
        for (id, at) in by_id {
            by_name.insert(self.old_names.path(&id), at);
        }
        for (at, step) in self.new.steps.iter().enumerate() {
            if !matched.contains_key(&at) {
                let name = self.new_names.path(step.id.as_str());
                matched.extend(by_name.remove(&name).map(|old| (at, old)));
            }
        }
        matched
    }

    /// Returns the texts that differ of files that a step of both plans writes.
    fn files(&self, steps: &[StepDifference]) -> Vec<FileDifference> {
        let mut files: Vec<FileDifference> = Vec::new();
        for value in steps.iter().flat_map(|step| &step.values) {
            let (Some(old), Some(new)) = (&value.old, &value.new) else {
                continue;
            };
            let (Some(before), Some(after)) = (old.value.as_str(), new.value.as_str()) else {
                continue;
            };
            let (from, to) = (below("/contents", before), below("/contents", after));
            let is_known = files.iter().any(|file| file.old == from && file.new == to);
            let texts = (
                self.old_json.pointer(&from).and_then(Value::as_str),
                self.new_json.pointer(&to).and_then(Value::as_str),
            );
            let (false, (Some(before), Some(after))) = (is_known, texts) else {
                continue;
            };
            let path = new.pointer.strip_suffix("/content");
            let path = path.and_then(|write| self.new_json.pointer(&below(write, "path")));
            let path = path.and_then(Value::as_str).unwrap_or_default().to_owned();
            files.push(FileDifference {
                old: from,
                new: to,
                path,
                lines: lines(before, after),
            });
        }
        files
    }

    /// Returns the items of a list that are in one of the plans alone. Their order tells nothing.
    fn items(&self, key: &str) -> Vec<ValueDifference> {
        let list = |json: &Value| -> Vec<(String, Value)> {
            let items = json.get(key).and_then(Value::as_array);
            let items = items.into_iter().flatten().enumerate();
            let list = below("", key);
            items
                .map(|(at, value)| (below(&list, &at.to_string()), value.clone()))
                .collect()
        };
        let (old, new) = (list(&self.old_json), list(&self.new_json));
        let texts = |list: &[(String, Value)]| -> BTreeSet<String> {
            list.iter().map(|(_, value)| value.to_string()).collect()
        };
        let (old_texts, new_texts) = (texts(&old), texts(&new));
        let only_old = old
            .into_iter()
            .filter(|(_, value)| !new_texts.contains(&value.to_string()))
            .map(|(pointer, value)| removed(pointer, &value));
        let only_new = new
            .into_iter()
            .filter(|(_, value)| !old_texts.contains(&value.to_string()))
            .map(|(pointer, value)| added(pointer, &value));
        only_old.chain(only_new).collect()
    }
}

fn pointer_of_step(at: usize) -> String {
    below("/steps", &at.to_string())
}

/// Returns a step that only one plan has.
fn one(step: &Step, change: Change, at: usize) -> StepDifference {
    let pointer = Some(pointer_of_step(at));
    let (old, new) = match change {
        Change::Removed => (pointer, None),
        Change::Added | Change::Changed => (None, pointer),
    };
    StepDifference {
        change,
        old,
        new,
        host: step.host.as_ref().map(ToString::to_string),
        summary: step.summary.clone(),
        only_version: false,
        values: Vec::new(),
    }
}

/// Returns the lines that differ.
fn lines(old: &str, new: &str) -> Vec<LineDifference> {
    let diff = TextDiff::from_lines(old, new);
    let lines = diff.iter_all_changes().filter_map(|change| {
        let (kind, line) = match change.tag() {
            ChangeTag::Equal => return None,
            ChangeTag::Delete => (Change::Removed, change.old_index()),
            ChangeTag::Insert => (Change::Added, change.new_index()),
        };
        Some(LineDifference {
            change: kind,
            line: line.unwrap_or(0) + 1,
            text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
        })
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
