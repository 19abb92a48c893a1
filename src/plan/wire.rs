//! Reading and writing plan files.
//!
//! Writing is deterministic: the same plan gives the same bytes. Reading for apply is strict:
//! whatever this version does not know is refused, since a step that is half understood must not
//! run. Reading for review tolerates fields of newer minor versions.

use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use super::model::{FORMAT_VERSION, Plan};
use super::{consistency, newer};
use crate::json;
use crate::name::PlanDigest;

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
    consistency::check(&plan).map_err(ReadError::Inconsistent)?;
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
