//! Files that the command line names.

use std::io::Read;
use std::path::Path;

use super::compression;
use super::failure::Failure;
use crate::diagnostic::unreadable;
use crate::exit_code::ExitCode;
use crate::facts::document;
use crate::facts::model::Facts;
use crate::plan::Plan;
use crate::plan::wire::{self, ReadError};

/// Returns a file's name as messages have it.
fn named(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

fn failure(path: &Path, exit_code: ExitCode, error: &std::io::Error) -> Failure {
    Failure::new(exit_code, unreadable(&named(path), error))
}

/// Reads the text of a file, which may be compressed; `-` is standard input. Anything but UTF-8, and nothing at all, ends with
/// `otherwise`.
fn read_text(path: &Path, otherwise: ExitCode) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes = read.map_err(|error| failure(path, ExitCode::Configuration, &error))?;
    if bytes.is_empty() {
        return Err(Failure::new(otherwise, format!("{} is empty", named(path)))
            .help("the command that should have written it failed: run it again"));
    }
    let bytes = match compression::is_compressed(&bytes) {
        true => compression::decompress(&bytes, compression::MAX_BYTES).map_err(|problem| {
            Failure::new(otherwise, format!("{} {problem}", named(path)))
                .help("make the file again, or copy it again from where it was made")
        })?,
        false => bytes,
    };
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(otherwise, format!("{} is not UTF-8", named(path))).help("save it as UTF-8")
    })
}

/// Whether a file is named as one of the configuration is.
fn is_yaml(path: &Path) -> bool {
    let ending = path.extension();
    ending.is_some_and(|ending| ending == "yml" || ending == "yaml")
}

/// Reads a plan as `read` does; `-` is standard input.
fn read_plan_with<T>(
    path: &Path,
    read: impl Fn(&str) -> Result<T, ReadError>,
) -> Result<T, Failure> {
    read(&read_text(path, ExitCode::Damaged)?).map_err(|error| {
        if is_yaml(path) && matches!(error, ReadError::NotJson(_)) {
            let message = format!("{} is YAML, not a plan", named(path));
            return Failure::new(ExitCode::Damaged, message)
                .help("make a plan of it with `mrsk plan > plan.json`");
        }
        let message = format!("{}: {error}", named(path));
        Failure::new(ExitCode::Damaged, message).help(error.help())
    })
}

/// Reads a plan that is to be applied or approved; `-` is standard input.
pub fn read_plan(path: &Path) -> Result<Plan, Failure> {
    read_plan_with(path, wire::read_strict)
}

/// Reads a plan that is to be shown, and the names of what this version does not know; `-` is standard input.
pub fn read_plan_for_review(path: &Path) -> Result<(Plan, Vec<String>), Failure> {
    read_plan_with(path, wire::read_for_review)
}

/// Reads the signatures in a file of at most `limit` bytes.
pub fn read_signatures(path: &Path, limit: usize) -> Result<String, Failure> {
    let read = || {
        let mut text = String::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        std::fs::File::open(path)?
            .take(most)
            .read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|error| failure(path, ExitCode::Damaged, &error))
}

/// Reads recorded facts; `-` is standard input.
pub fn read_facts(path: &Path) -> Result<Facts, Failure> {
    let text = read_text(path, ExitCode::Configuration)?;
    document::read(&text).map_err(|error| {
        let message = format!("{}: {error}", named(path));
        Failure::new(ExitCode::Configuration, message).help("record facts with `mrsk inspect`")
    })
}
