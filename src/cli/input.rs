//! Files that the command line names.

use std::io::Read;
use std::path::Path;

use super::failure::{Failure, chain};
use crate::exit_code::ExitCode;
use crate::facts::document;
use crate::facts::model::Facts;
use crate::plan::{Plan, wire};

/// Reads a file; `-` is standard input.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        Failure::new(ExitCode::Configuration, message)
    })
}

/// Reads the text of a file; `-` is standard input. Anything but UTF-8 ends with `otherwise`.
fn read_text(path: &Path, otherwise: ExitCode) -> Result<String, Failure> {
    String::from_utf8(read(path)?)
        .map_err(|_| Failure::new(otherwise, format!("{} is not UTF-8", path.display())))
}

/// Reads the text of a plan; `-` is standard input.
pub fn read_plan_text(path: &Path) -> Result<String, Failure> {
    read_text(path, ExitCode::Damaged)
}

/// Reads a plan that is to be applied or approved; `-` is standard input.
pub fn read_plan(path: &Path) -> Result<Plan, Failure> {
    wire::read_strict(&read_plan_text(path)?).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Failure::new(ExitCode::Damaged, message).help(
            "make the plan again with `mrsk plan`; `mrsk show` can show plans of other versions",
        )
    })
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
    read().map_err(|error: std::io::Error| {
        let message = format!("cannot read {}: {error}", path.display());
        Failure::new(ExitCode::Damaged, message)
    })
}

/// Reads recorded facts; `-` is standard input.
pub fn read_facts(path: &Path) -> Result<Facts, Failure> {
    let text = read_text(path, ExitCode::Configuration)?;
    document::read(&text).map_err(|error| {
        let message = format!("{}: {}", path.display(), chain(&error));
        Failure::new(ExitCode::Configuration, message).help("record facts with `mrsk inspect`")
    })
}
