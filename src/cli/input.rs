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

/// How much is read of what cannot be a JSON document: enough to say so.
const HOPELESS: usize = 64 << 10;

/// Why nothing can be made of a file.
#[derive(Debug)]
enum Unread {
    Io(std::io::Error),
    TooLarge(usize),
}

/// Reads all of `file`, which has at most `limit` bytes; of what begins as no JSON document does and is not compressed only the
/// beginning.
fn read_bounded(mut file: impl Read, limit: usize) -> Result<Vec<u8>, Unread> {
    let most = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let mut read = |bytes: &mut Vec<u8>, length: usize| {
        let mut part = file.by_ref().take(most(length));
        part.read_to_end(bytes).map_err(Unread::Io)
    };
    read(&mut bytes, HOPELESS.min(limit.saturating_add(1)))?;
    let mut begins = bytes.iter().skip_while(|byte| byte.is_ascii_whitespace());
    let is_hopeful = begins.next().is_none_or(|byte| *byte == b'{');
    if !is_hopeful && !compression::is_compressed(&bytes) {
        // A character that was cut is none of the file's faults.
        if let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            bytes.truncate(error.valid_up_to());
        }
        return Ok(bytes);
    }
    let room = limit.saturating_add(1).saturating_sub(bytes.len());
    read(&mut bytes, room)?;
    match bytes.len() > limit {
        true => Err(Unread::TooLarge(limit)),
        false => Ok(bytes),
    }
}

/// Reads the text of a file, which may be compressed; `-` is standard input. Anything but UTF-8, nothing at all, and what is too large
/// ends with `otherwise`.
fn read_text(path: &Path, otherwise: ExitCode) -> Result<String, Failure> {
    let limit = compression::MAX_BYTES;
    let read = match path.as_os_str() == "-" {
        true => read_bounded(std::io::stdin(), limit),
        false => match std::fs::File::open(path) {
            Ok(file) => read_bounded(file, limit),
            Err(error) => Err(Unread::Io(error)),
        },
    };
    let bytes = read.map_err(|unread| match unread {
        Unread::Io(error) => failure(path, ExitCode::Configuration, &error),
        Unread::TooLarge(limit) => {
            let message = format!("{} is larger than {} MiB", named(path), limit >> 20);
            Failure::new(otherwise, message).help("name a file that mrsk has written")
        }
    })?;
    if bytes.is_empty() {
        return Err(Failure::new(otherwise, format!("{} is empty", named(path)))
            .help("the command that should have written it failed: run it again"));
    }
    let bytes = match compression::is_compressed(&bytes) {
        true => compression::decompress(&bytes, limit).map_err(|problem| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_the_limit_and_nothing_more_of_what_is_no_document() {
        let endless = || std::io::repeat(0);
        assert_eq!(read_bounded(endless(), 1 << 30).unwrap().len(), HOPELESS);
        let begun = || b" {".chain(endless());
        let refused = read_bounded(begun(), 1 << 20);
        assert!(matches!(refused, Err(Unread::TooLarge(limit)) if limit == 1 << 20));
        let whole = br#"{"a": 1}"#;
        assert_eq!(read_bounded(&whole[..], whole.len()).unwrap(), whole);
        assert!(read_bounded(&whole[..], whole.len() - 1).is_err());
        // The character at the end of what is read is left out, not taken for damage.
        let cut = ["é".repeat(HOPELESS), String::new()].concat();
        let shifted = format!("x{cut}");
        let read = read_bounded(shifted.as_bytes(), 1 << 20).unwrap();
        assert!(std::str::from_utf8(&read).is_ok());
    }
}
