//! Reading and writing plan files.
//!
//! Writing is deterministic: the same plan gives the same bytes. Reading for apply is strict:
//! whatever this version does not know is refused, since a step that is half understood must not
//! run. Reading for review tolerates fields of newer minor versions.

mod digest;

use std::io;

use serde::Deserializer;
use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use self::digest::Document;
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
    plan.digest = digest::of(&plan).map_err(|e| ReadError::Damaged(e.to_string()))?;
    Ok(plan)
}

/// Returns the plan as the bytes of its file: indented JSON that ends with a newline.
pub fn to_json(plan: &Plan) -> Result<String, ReadError> {
    let mut text = Vec::new();
    let written = write_json(plan, &mut text).map_err(|e| e.to_string());
    written
        .and_then(|()| String::from_utf8(text).map_err(|e| e.to_string()))
        .map_err(ReadError::Damaged)
}

/// Writes what [`to_json`] returns.
///
/// # Errors
/// Those of `out`, and a plan that has stand-ins.
pub fn write_json(plan: &Plan, mut out: impl io::Write) -> io::Result<()> {
    json::indented::write(plan, &mut out)?;
    out.write_all(b"\n")
}

/// Reads a plan that is to be applied.
///
/// # Errors
/// Whatever this version does not know, and whatever does not fit together, is refused.
pub fn read_strict(text: &str) -> Result<Plan, ReadError> {
    let (version, digest) = document(text)?;
    if version != FORMAT_VERSION {
        return Err(ReadError::Version { found: version });
    }
    let (plan, ignored) = plan_of(text)?;
    if !ignored.is_empty() {
        return Err(ReadError::UnknownFields(ignored));
    }
    check_digest(&digest, &plan)?;
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
    let (version, digest) = document(text)?;
    let minor = version
        .strip_prefix("1.")
        .and_then(|minor| minor.parse::<u32>().ok());
    let Some(minor) = minor else {
        return Err(ReadError::Version { found: version });
    };
    if minor == MINOR {
        let (plan, ignored) = plan_of(text)?;
        check_digest(&digest, &plan)?;
        return Ok((plan, ignored));
    }
    let value = serde_json::from_str(text).map_err(|error| damaged(&error))?;
    let readable = newer::readable(value);
    let (mut plan, ignored) = deserialize(&readable.value)?;
    check_digest(&digest, &plan)?;
    readable.mark(&mut plan);
    let mut unknown = readable.unknown;
    unknown.extend(ignored);
    Ok((plan, unknown))
}

/// Returns the plan that a text is, and the places of the fields that it has no room for.
fn plan_of(text: &str) -> Result<(Plan, Vec<String>), ReadError> {
    deserialize(&mut serde_json::Deserializer::from_str(text))
}

fn deserialize<'de>(
    source: impl Deserializer<'de, Error = serde_json::Error>,
) -> Result<(Plan, Vec<String>), ReadError> {
    let mut ignored = Vec::new();
    let plan = serde_ignored::deserialize(source, |path| ignored.push(path.to_string()))
        .map_err(|error| damaged(&error))?;
    Ok((plan, ignored))
}

fn damaged(error: &serde_json::Error) -> ReadError {
    ReadError::Damaged(json::problem(error))
}

/// Returns the JSON schema of plan files, as it stands in `schemas/plan.schema.json`.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Plan).to_value();
    if let Value::Object(map) = &mut schema {
        map.insert("title".into(), format!("mrsk plan {FORMAT_VERSION}").into());
    }
    schema
}

fn check_digest(actual: &PlanDigest, plan: &Plan) -> Result<(), ReadError> {
    match *actual == plan.digest {
        true => Ok(()),
        false => Err(ReadError::Digest),
    }
}

/// Returns the format version and the digest of a text, refusing JSON that a plan never has: duplicate
/// keys, fractions, integers over 2^53 - 1.
fn document(text: &str) -> Result<(String, PlanDigest), ReadError> {
    let document = Document::read(text).map_err(|error| match error.classify() {
        Category::Eof => ReadError::Truncated(error.line()),
        Category::Syntax => ReadError::NotJson(error.to_string()),
        Category::Data | Category::Io => ReadError::Damaged(error.to_string()),
    })?;
    match document.format_version {
        Some(version) => Ok((version, document.digest)),
        None => Err(ReadError::Damaged("missing field `format_version`".into())),
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
