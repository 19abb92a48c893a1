//! Reading the files of a configuration from the disk.

use std::path::Path;

use super::decoder::Decoder;
use super::destination::{self, Destination};
use super::node::BASE;
use super::parse::{Input, Loaded, end_of, evaluate_and_parse};
use crate::diagnostic::Diagnostic;
use crate::erb::World;
use crate::repository::{FileKind, Repository};

/// Reads the configuration of the file `path`, and merges that of `destination`, which lies beside it, over it. Both are
/// templates, evaluated in `world`.
///
/// # Errors
/// As [`parse_template`](super::parse_template); a file that is not there or cannot be read.
pub fn load(
    path: &Path,
    destination: Option<&str>,
    world: &mut dyn World,
) -> Result<Loaded, Vec<Diagnostic>> {
    if let Some(problem) = destination.and_then(destination::check) {
        return Err(vec![problem]);
    }
    let missing = "run mrsk in the directory that has it, name it with `-c FILE`, or create it with `mrsk init`";
    let repository = Repository::of_current_directory();
    let read = |path: &Path, what: &str, missing: &dyn Fn() -> String| {
        read_file(&repository, path, what, missing)
    };
    let base = read(path, "configuration file", &|| missing.to_owned())?;
    let known = destination::known(path);
    let over = destination.map(|name| {
        let file = destination::file(path, name);
        let text = read(&file, "destination file", &|| {
            destination::help(name, &known)
        });
        text.map(|text| (name, shown_path(&file), text))
    });
    let over = over.transpose()?;
    let input = Input {
        path: &shown_path(path),
        text: &base,
        destination: over
            .as_ref()
            .map(|(name, path, text)| Destination { name, path, text }),
        known: &known,
    };
    let mut loaded = evaluate_and_parse(&input, world)?;
    loaded.config.path = portable(path);
    Ok(loaded)
}

/// Reads a file; `missing` says what to do if it is not there.
fn read_file(
    repository: &Repository,
    path: &Path,
    what: &str,
    missing: &dyn Fn() -> String,
) -> Result<String, Vec<Diagnostic>> {
    let shown = shown_path(path);
    let bytes = repository
        .read(path, FileKind::Configuration)
        .map_err(|error| {
            let (problem, help) = match error.is_not_found() {
                true => ("does not exist".to_owned(), missing()),
                false => (
                    format!("cannot be read: {error}"),
                    format!("{}, or name another file with `-c FILE`", error.help()),
                ),
            };
            let error = Diagnostic::error(format!("{what} {shown} {problem}"));
            vec![error.help(help)]
        })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let mark = end_of(&String::from_utf8_lossy(good), BASE);
        let place = Decoder::new(vec![&shown]).place(mark);
        let problem = Diagnostic::error("invalid UTF-8").at(place);
        vec![problem.help("save the file as UTF-8").hide_source()]
    })
}

pub(super) fn shown_path(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

/// Returns `path` relative to the current directory if it lies below it; of any other absolute path the
/// file's name, so that nothing that is compiled from a configuration depends on where it lies.
fn portable(path: &Path) -> String {
    let current = std::env::current_dir().ok();
    let below = current.and_then(|current| path.strip_prefix(current).ok());
    let path = match (below, path.file_name()) {
        (Some(below), _) => below,
        (None, Some(name)) if path.is_absolute() => Path::new(name),
        _ => path,
    };
    shown_path(path)
}
