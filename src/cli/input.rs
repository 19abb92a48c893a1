//! Files that the command line names.

use std::path::Path;

use super::failure::{Failure, chain};
use crate::exit_code::ExitCode;
use crate::facts::document;
use crate::facts::model::Facts;

/// Reads a file; `-` is standard input.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        Failure::new(ExitCode::Configuration, message)
    })
}

/// Reads recorded facts; `-` is standard input.
pub fn read_facts(path: &Path) -> Result<Facts, Failure> {
    let text = read_text(path)?;
    document::read(&text).map_err(|error| {
        let message = format!("{}: {}", path.display(), chain(&error));
        Failure::new(ExitCode::Configuration, message).help("record facts with `mrsk inspect`")
    })
}
