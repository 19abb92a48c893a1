//! `mrsk init`

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::cli::{execution, from_kamal, output};
use crate::config;
use crate::exit_code::ExitCode;
use crate::text;

/// An example that can be planned unchanged.
const CONFIGURATION: &str = include_str!("init/deploy.yml");
/// The secrets that the example names.
const ENVIRONMENT: &str = include_str!("init/env");
/// What docker leaves out of the image.
const DOCKERIGNORE: &str = include_str!("init/dockerignore");
/// What the first line of the example names for editors, relative to it.
const SCHEMA: &str = "config/deploy.schema.json";
const GITIGNORE: &str = ".gitignore";
/// This pattern also ignores the templates of secrets; [`TEMPLATES`], which must follow it, includes them again.
const ENV_FILES: &str = ".env.*";
const TEMPLATES: &str = "!.env*.erb";

/// Arguments of `mrsk init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Translate the Kamal project in DIR (default: this directory) into config/mrsk.yml
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".")]
    from_kamal: Option<PathBuf>,
}

/// Creates the first files of a project, or translates those of Kamal.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    match args.from_kamal {
        None => example(),
        Some(directory) => translate(&directory),
    }
}

/// Writes the translation of a Kamal project beside its own files, none of which changes.
fn translate(directory: &Path) -> Result<ExitCode, Failure> {
    execution::check_allowed("init --from-kamal")?;
    std::env::set_current_dir(directory).map_err(|error| {
        let message = format!("cannot enter {}: {error}", directory.display());
        Failure::new(ExitCode::Failed, message).help("name the directory of the Kamal project")
    })?;
    let translation = from_kamal::translate()?;
    let files = || translation.files.iter().chain([&translation.page]);
    if let Some(file) = files().find(|file| file.path.symlink_metadata().is_ok()) {
        let message = format!("{} exists", file.path.display());
        return Err(Failure::new(ExitCode::Failed, message)
            .help("rename or remove it to translate again; nothing was written"));
    }
    let mut report = ignore().map_err(|error| failure(GITIGNORE, &error))?;
    for file in files() {
        let name = file.path.display().to_string();
        create(&file.path, &file.text, 0o666).map_err(|error| failure(&name, &error))?;
        report += &format!("created {name}\n");
    }
    report += &translation.unread;
    let page = translation.page.path.display();
    report += &format!(
        "{page} says what became of each key; continue with `mrsk config {}`\n",
        translation.options
    );
    output::print(&report)
}

/// Creates the first files of a project; existing files are left unchanged.
///
/// `.gitignore` comes first, so that there is no moment at which `.env` could be committed.
fn example() -> Result<ExitCode, Failure> {
    let mut report = ignore().map_err(|error| failure(GITIGNORE, &error))?;
    let schema = format!("{:#}\n", config::schema());
    for (file, text, mode) in [
        ("config/deploy.yml", CONFIGURATION, 0o666),
        (SCHEMA, &schema, 0o666),
        (".dockerignore", DOCKERIGNORE, 0o666),
        (".env", ENVIRONMENT, 0o600),
    ] {
        let created = create(Path::new(file), text, mode).map_err(|error| failure(file, &error))?;
        report += &if created {
            format!("created {file}\n")
        } else {
            format!("{file} exists, left unchanged\n")
        };
    }
    output::print(&report)
}

fn failure(file: &str, error: &std::io::Error) -> Failure {
    Failure::new(ExitCode::Failed, format!("cannot write {file}: {error}"))
        .help("run mrsk in the directory of the app, as a user who can write there")
}

/// Creates a file atomically; `mode` is that before the umask. Returns false if the name is taken.
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
    // Somebody may have created it in the meantime.
    match new.persist_noclobber(file) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Adds patterns to .gitignore; returns what was done.
fn ignore() -> std::io::Result<String> {
    let (present, exists) = match std::fs::read(GITIGNORE) {
        Ok(bytes) => (bytes, true),
        Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), false),
        Err(error) => return Err(error),
    };
    let added = missing_patterns(&String::from_utf8_lossy(&present));
    if added.is_empty() {
        return Ok(format!("{GITIGNORE} has all patterns, left unchanged\n"));
    }
    let mut lines = added
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    if present.last().is_some_and(|&byte| byte != b'\n') {
        lines.insert(0, '\n');
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(GITIGNORE)?
        .write_all(lines.as_bytes())?;
    let added = text::list(&added);
    Ok(match exists {
        true => format!("added {added} to {GITIGNORE}\n"),
        false => format!("created {GITIGNORE} with {added}\n"),
    })
}

/// Returns the patterns that are missing in `text`, in the order in which they must be added.
fn missing_patterns(text: &str) -> Vec<&'static str> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let last = |pattern: &str| lines.iter().rposition(|line| *line == pattern);
    let mut missing: Vec<_> = [".mrsk/", ".env", ENV_FILES]
        .into_iter()
        .filter(|pattern| last(pattern).is_none())
        .collect();
    // The last matching pattern wins.
    if missing.contains(&ENV_FILES) || last(TEMPLATES) < last(ENV_FILES) {
        missing.push(TEMPLATES);
    }
    missing
}
