//! `mrsk init`

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::exit::Failure;
use super::project;
use crate::config;
use crate::exit_code::ExitCode;

/// An example that can be planned as it is.
const CONFIGURATION: &str = include_str!("init/deploy.yml");
/// The secrets that the example names.
const ENVIRONMENT: &str = include_str!("init/env");
/// What the first line of the example names for editors, relative to it.
const SCHEMA: &str = "config/deploy.schema.json";
const GITIGNORE: &str = ".gitignore";
/// The pattern that would also hide the templates of secrets, and the one below it that shows them again.
const HIDING: &str = ".env.*";
const SHOWING: &str = "!.env*.erb";

/// Makes the files that a project begins with; what exists already is left as it is.
///
/// `.gitignore` comes first, so that there is no moment at which `.env` could be committed.
pub(super) fn run() -> Result<ExitCode, Failure> {
    let mut report = ignore().map_err(|error| failure(GITIGNORE, &error))?;
    let schema = format!("{:#}\n", config::schema());
    for (file, text, mode) in [
        ("config/deploy.yml", CONFIGURATION, 0o666),
        (SCHEMA, &schema, 0o666),
        (".env", ENVIRONMENT, 0o600),
    ] {
        let made = create(Path::new(file), text, mode).map_err(|error| failure(file, &error))?;
        report += &if made {
            format!("{file} is made\n")
        } else {
            format!("{file} exists and is left as it is\n")
        };
    }
    project::print(&report)?;
    Ok(ExitCode::Done)
}

fn failure(file: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        ExitCode::Failed,
        format!("{file} cannot be written: {error}"),
    )
    .help("start mrsk in the directory of the app, as somebody who can write there")
}

/// Makes a file, as a whole or not at all; `mode` is that before the umask. Returns false where something has its name.
fn create(file: &Path, text: &str, mode: u32) -> std::io::Result<bool> {
    if file.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory)?;
    let mut new = tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    // Somebody may have made it meanwhile.
    match new.persist_noclobber(file) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Adds what git is to ignore, and returns what was done.
fn ignore() -> std::io::Result<String> {
    let (present, exists) = match std::fs::read(GITIGNORE) {
        Ok(bytes) => (bytes, true),
        Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), false),
        Err(error) => return Err(error),
    };
    let added = missing_patterns(&String::from_utf8_lossy(&present));
    if added.is_empty() {
        return Ok(format!(
            "{GITIGNORE} has all patterns and is left as it is\n"
        ));
    }
    let mut text = added
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    if present.last().is_some_and(|&byte| byte != b'\n') {
        text.insert(0, '\n');
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(GITIGNORE)?
        .write_all(text.as_bytes())?;
    let done = if exists { "now has" } else { "is made with" };
    Ok(format!("{GITIGNORE} {done} {}\n", added.join(" ")))
}

/// Returns the patterns that `text` lacks, in the order in which they have to stand.
fn missing_patterns(text: &str) -> Vec<&'static str> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let last = |pattern: &str| lines.iter().rposition(|line| *line == pattern);
    let mut missing: Vec<_> = [".mrsk/", ".env", HIDING]
        .into_iter()
        .filter(|pattern| last(pattern).is_none())
        .collect();
    // The last pattern that matches counts.
    if missing.contains(&HIDING) || last(SHOWING) < last(HIDING) {
        missing.push(SHOWING);
    }
    missing
}
