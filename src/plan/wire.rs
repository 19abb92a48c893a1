//! Reading and writing plan files.
//!
//! Writing is deterministic: the same plan gives the same bytes. Reading for apply is strict:
//! whatever this version does not know is refused, since a step that is half understood must not
//! run. Reading for review tolerates fields of newer minor versions.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use super::model::{Check, FORMAT_VERSION, Plan, Step, StepSecret};
use super::{newer, trust};
use crate::action::{Action, Reach, When};
use crate::config::is_secret_name;
use crate::json;
use crate::name::{PlanDigest, Sha256Hex};
use crate::text;

/// The minor version of [`FORMAT_VERSION`], and of which newer ones can be shown.
const MINOR: u32 = 0;

/// Why a plan file cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ReadError {
    /// It is no JSON; why, with line and column.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// It is the beginning of JSON; the line where it ends.
    #[error("truncated after line {0}")]
    Truncated(usize),
    /// It is JSON that a plan never has (a duplicate key, a fraction, a huge number).
    #[error("not a valid plan: {0}")]
    Damaged(String),
    /// It has another format version.
    #[error("unsupported plan format {found}: this mrsk reads {FORMAT_VERSION}")]
    Version {
        /// The version it has.
        found: String,
    },
    /// It has fields that this version does not know.
    #[error("unknown fields: {}", .0.join(", "))]
    UnknownFields(Vec<String>),
    /// Its digest is not that of its content: it was edited, or cut.
    #[error("the plan was edited: its content does not match its digest")]
    Digest,
    /// Its parts do not fit together.
    #[error("invalid plan: {0}")]
    Inconsistent(String),
}

impl ReadError {
    /// Returns what to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Version { found } if found.starts_with("1.") => {
                "update mrsk to apply it; `mrsk show` can show it"
            }
            Self::Version { .. } => "update mrsk, or make the plan again with `mrsk plan`",
            Self::Digest => {
                "make the plan again with `mrsk plan`; to change what runs, change the configuration"
            }
            _ => "make the plan again with `mrsk plan`",
        }
    }
}

/// Returns `plan` with its digest filled in.
pub fn seal(mut plan: Plan) -> Result<Plan, ReadError> {
    let value = serde_json::to_value(&plan).map_err(|e| ReadError::Damaged(e.to_string()))?;
    plan.digest = digest(&value)?;
    Ok(plan)
}

/// Returns the plan as the bytes of its file: indented JSON that ends with a newline.
pub fn to_json(plan: &Plan) -> Result<String, ReadError> {
    serde_json::to_string_pretty(plan)
        .map(|text| text + "\n")
        .map_err(|e| ReadError::Damaged(e.to_string()))
}

/// Reads a plan that is to be applied.
///
/// # Errors
/// Whatever this version does not know, and whatever does not fit together, is refused.
pub fn read_strict(text: &str) -> Result<Plan, ReadError> {
    let value = parse(text)?;
    let version = format_version(&value)?;
    if version != FORMAT_VERSION {
        return Err(ReadError::Version { found: version });
    }
    let (plan, ignored) = plan_of(&value)?;
    if !ignored.is_empty() {
        return Err(ReadError::UnknownFields(ignored));
    }
    check_digest(&value, &plan)?;
    check_consistency(&plan)?;
    Ok(plan)
}

/// Reads a plan that is to be shown. Fields that this version does not know are passed over; in a
/// plan of a newer minor version, stand-ins take the place of kinds that it does not know. Both are
/// named in the second part.
///
/// # Errors
/// A plan of another major version, one that is damaged, or one that was changed after it was made.
pub fn read_for_review(text: &str) -> Result<(Plan, Vec<String>), ReadError> {
    let value = parse(text)?;
    let version = format_version(&value)?;
    let minor = version
        .strip_prefix("1.")
        .and_then(|minor| minor.parse::<u32>().ok());
    let Some(minor) = minor else {
        return Err(ReadError::Version { found: version });
    };
    if minor == MINOR {
        let (plan, ignored) = plan_of(&value)?;
        check_digest(&value, &plan)?;
        return Ok((plan, ignored));
    }
    let readable = newer::readable(value.clone());
    let (mut plan, ignored) = plan_of(&readable.value)?;
    check_digest(&value, &plan)?;
    readable.mark(&mut plan);
    let mut unknown = readable.unknown;
    unknown.extend(ignored);
    Ok((plan, unknown))
}

/// Returns the plan, and the places of the fields that it has no room for.
fn plan_of(value: &Value) -> Result<(Plan, Vec<String>), ReadError> {
    let mut ignored = Vec::new();
    let plan = serde_ignored::deserialize(value, |path| ignored.push(path.to_string()))
        .map_err(|e: serde_json::Error| ReadError::Damaged(json::problem(&e)))?;
    Ok((plan, ignored))
}

/// Returns the JSON schema of plan files, as it stands in `schemas/plan.schema.json`.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Plan).to_value();
    if let Value::Object(map) = &mut schema {
        map.insert("title".into(), format!("mrsk plan {FORMAT_VERSION}").into());
    }
    schema
}

fn format_version(value: &Value) -> Result<String, ReadError> {
    match value.get("format_version") {
        Some(Value::String(version)) => Ok(version.clone()),
        _ => Err(ReadError::Damaged("missing field `format_version`".into())),
    }
}

fn check_digest(value: &Value, plan: &Plan) -> Result<(), ReadError> {
    let actual = digest(value)?;
    match actual == plan.digest {
        true => Ok(()),
        false => Err(ReadError::Digest),
    }
}

/// Returns the digest of a plan as JSON: of its RFC 8785 form without the key `digest`.
fn digest(value: &Value) -> Result<PlanDigest, ReadError> {
    let mut value = value.clone();
    if let Value::Object(map) = &mut value {
        map.remove("digest");
    }
    let canonical =
        serde_json_canonicalizer::to_vec(&value).map_err(|e| ReadError::Damaged(e.to_string()))?;
    Ok(PlanDigest::of(&canonical))
}

fn check_consistency(plan: &Plan) -> Result<(), ReadError> {
    let wrong = |text: String| Err(ReadError::Inconsistent(text));
    if !plan.hosts.contains_key(&plan.lock_host) {
        return wrong(format!("unknown lock host {}", plan.lock_host));
    }
    if let Some(problem) = check_names(plan) {
        return wrong(problem);
    }
    for (key, text) in &plan.contents {
        if Sha256Hex::of(text.as_bytes()) != *key {
            return wrong(format!("content {key} does not match its hash"));
        }
    }
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        for need in &step.needs {
            if !seen.contains(&need.step) {
                return wrong(format!(
                    "step {} needs {}, which does not come before it",
                    step.id, need.step
                ));
            }
        }
        if !seen.insert(step.id.clone()) {
            return wrong(format!("duplicate step {}", step.id));
        }
        if let Some(host) = &step.host
            && !plan.hosts.contains_key(host)
        {
            return wrong(format!("step {} names unknown host {host}", step.id));
        }
    }
    for step in &plan.steps {
        if let Err(problem) = check_step(plan, step) {
            return wrong(format!("step {} {problem}", step.id));
        }
    }
    for (host, entry) in &plan.hosts {
        let mut steps = entry.relies_on.iter().flat_map(|reliance| &reliance.steps);
        if let Some(step) = steps.find(|step| !seen.contains(*step)) {
            return wrong(format!(
                "host {host}: `relies_on` names unknown step {step}"
            ));
        }
    }
    Ok(())
}

/// Returns which name the compiler would not have written: it becomes part of paths, or a variable.
fn check_names(plan: &Plan) -> Option<String> {
    let is_of_path = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    let destination = plan.operation.destination.as_deref();
    let of_paths = [Some(plan.service.as_str()), destination];
    if let Some(name) = of_paths
        .into_iter()
        .flatten()
        .find(|name| !is_of_path(name))
    {
        return Some(format!("{} is not a valid name", text::quote(name)));
    }
    let mut secrets = plan.secrets.iter().map(|secret| secret.name.as_str());
    let secret = secrets.find(|name| !is_secret_name(name))?;
    Some(format!(
        "{} is not a valid secret name",
        text::quote(secret)
    ))
}

/// Returns what a step lacks to be carried out.
fn check_step(plan: &Plan, step: &Step) -> Result<(), String> {
    let is_barrier = step.kind.is_barrier();
    if is_barrier != step.barrier.is_some() || is_barrier && (step.host.is_some() || has_work(step))
    {
        return Err("is a barrier and does other work".into());
    }
    match (&step.check, &step.host) {
        (None, _) if !step.kind.has_check() => {}
        (Some(Check::Facts(_)), Some(_)) | (Some(Check::Argv(_) | Check::Registry(_)), None)
            if !is_barrier => {}
        _ => return Err("has no check, or one for another place".into()),
    }
    if step.host.is_none()
        && (step.shared_lock || !step.cleanup.is_empty() || !step.diagnose.is_empty())
    {
        return Err("has a shared lock, a cleanup or a diagnosis, but no host".into());
    }
    let problem = trust::impossible(step);
    if let Some(problem) = problem.or_else(|| trust::builds_elsewhere(step, plan.source.as_ref())) {
        return Err(problem);
    }
    for StepSecret { name, .. } in &step.secrets {
        if !plan.secrets.iter().any(|known| known.name == *name) {
            return Err(format!("uses secret {name}, which the plan does not list"));
        }
    }
    let is_named = |name: &String| step.secrets.iter().any(|secret| secret.name == *name);
    for action in step.action.iter().chain(&step.cleanup) {
        match action {
            Action::Run(run) => {
                let mut used = run.secrets();
                if let Some(name) = used.find(|name| !is_named(name)) {
                    return Err(format!("uses secret {name}, which it does not list"));
                }
            }
            Action::Write(write) if !plan.contents.contains_key(&write.content) => {
                return Err(format!(
                    "writes content {}, which is missing",
                    write.content
                ));
            }
            Action::Reach(reach) => check_reach(plan, step, reach)?,
            Action::Write(_) | Action::Upload(_) | Action::Poll(_) | Action::VerifyImage(_) => {}
        }
    }
    Ok(())
}

/// Returns why nothing would have been kept to compare the answers with, or nothing be asked.
fn check_reach(plan: &Plan, step: &Step, reach: &Reach) -> Result<(), String> {
    if reach.requests.is_empty() || !reach.requests.iter().all(|one| one.path.starts_with('/')) {
        return Err("asks for nothing, or for something that is not a path".into());
    }
    let keeps = |other: &Step| {
        let before = Reach {
            when: When::Before,
            since: None,
            ..reach.clone()
        };
        other.host == step.host && other.action.contains(&Action::Reach(before))
    };
    let fits = match (reach.when, &reach.since) {
        (When::Before, None) => true,
        (When::After | When::Unasked, Some(since)) => plan
            .steps
            .iter()
            .any(|other| other.id == *since && keeps(other)),
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => Err("compares answers with those of no step of its host".into()),
    }
}

fn has_work(step: &Step) -> bool {
    !(step.action.is_empty() && step.cleanup.is_empty() && step.diagnose.is_empty())
}

/// Parses JSON, refusing what a plan never has: duplicate keys, fractions, integers over 2^53 - 1.
fn parse(text: &str) -> Result<Value, ReadError> {
    json::read(text).map_err(|error| match error.classify() {
        Category::Eof => ReadError::Truncated(error.line()),
        Category::Syntax => ReadError::NotJson(error.to_string()),
        Category::Data | Category::Io => ReadError::Damaged(error.to_string()),
    })
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
