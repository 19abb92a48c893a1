//! `mrsk init --from-kamal`: the configuration of a Kamal project, translated into files beside it.

mod model;
mod page;
mod text;

use std::path::{Path, PathBuf};

use super::environment::{self, Machine};
use super::failure::Failure;
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::repository::{FileKind, Repository};
use crate::text::list;
use model::{Translated, Unread};

/// The configuration of Kamal, and what its translation is called.
const FILES: (&str, &str) = ("deploy", config::TRANSLATION);

/// The key by which each command needs a destination.
const REQUIRED: &str = "require_destination";

/// A file that is to be written.
pub struct NewFile {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// A translated project.
pub struct Translation {
    /// The configuration, and one for each destination.
    pub files: Vec<NewFile>,
    /// The page that says what became of each key.
    pub page: NewFile,
    /// Lines that name the keys which mrsk does not read, by file.
    pub unread: String,
    /// The options that name the configuration: with a destination where each command needs one.
    pub options: String,
}

/// Translates the project in the current directory.
pub fn translate() -> Result<Translation, Failure> {
    let (old, new) = FILES;
    let config = Path::new("config");
    let base = config.join(format!("{old}.yml"));
    let destinations = config::destinations(&base);
    let example = destinations.first().cloned();
    let mut sources = vec![(base, None)];
    sources.extend(destinations.into_iter().map(|name| {
        let file = config.join(format!("{old}.{name}.yml"));
        (file, Some(name))
    }));
    let (mut files, mut translated) = (Vec::new(), Vec::new());
    let mut unread = String::new();
    for (source, destination) in sources {
        let name = match &destination {
            Some(destination) => format!("{new}.{destination}.yml"),
            None => format!("{new}.yml"),
        };
        let one = file(&source, destination.as_deref())?;
        let path = config.join(name);
        unread += &told(&path, &one.unread);
        files.push(NewFile {
            path,
            text: one.text.clone(),
        });
        translated.push(one);
    }
    let options = options(&translated, example.as_deref());
    let page = NewFile {
        path: config.join(format!("{new}.md")),
        text: page::page(&translated, &options),
    };
    Ok(Translation {
        files,
        page,
        unread,
        options,
    })
}

/// Returns the options of a command that reads the new files; `example` is one of the destinations.
fn options(files: &[Translated], example: Option<&str>) -> String {
    let needs_destination = |file: &Translated| file.keys.iter().any(|key| key == REQUIRED);
    match files.first().is_some_and(needs_destination) {
        true => format!("-c config/mrsk.yml -d {}", example.unwrap_or("DESTINATION")),
        false => "-c config/mrsk.yml".to_owned(),
    }
}

/// Returns what is said of the keys of a new file that mrsk does not read.
fn told(path: &Path, unread: &[Unread]) -> String {
    let file = path.display();
    let named = |keys: &[&Unread]| {
        let names: Vec<String> = keys
            .iter()
            .map(|unread| format!("`{}`", unread.key.path))
            .collect();
        list(&names)
    };
    let (comments, by_hand): (Vec<&Unread>, Vec<&Unread>) =
        unread.iter().partition(|unread| unread.is_comment);
    let mut text = String::new();
    if !comments.is_empty() {
        text += &format!(
            "not read by mrsk, and comments in {file} now: {}
",
            named(&comments)
        );
    }
    if !by_hand.is_empty() {
        text += &format!(
            "not read by mrsk, to be removed from {file} by hand: {}
",
            named(&by_hand)
        );
    }
    text
}

/// Translates a file: what mrsk does not read becomes a comment, all else stays as it is.
fn file(path: &Path, destination: Option<&str>) -> Result<Translated, Failure> {
    let shown = path.display().to_string();
    let repository = Repository::of_current_directory();
    let bytes = repository.read(path, FileKind::Configuration).map_err(|error| {
        let message = format!("cannot read {shown}: {error}");
        Failure::new(ExitCode::Configuration, message)
            .help("run the command in the directory of the Kamal project, or name that: `mrsk init --from-kamal DIR`")
    })?;
    let source = String::from_utf8_lossy(&bytes).into_owned();
    let failed = |problems: Vec<Diagnostic>| Failure::of(ExitCode::Configuration, problems);
    let mut machine = Machine::new(environment::load(None, destination));
    let keys = config::file_keys(&shown, &source, &mut machine).map_err(failed)?;
    let mut lines = text::Lines::of(&source);
    let mut unread = Vec::new();
    for key in keys.unread {
        let is_comment = lines.comment_out(key.place.line, key.place.column, key.help);
        unread.push(Unread { key, is_comment });
    }
    let mut text = lines.text();
    let has_new_proxy = destination.is_none() && keys.lacks_port;
    if has_new_proxy {
        text += "\n# Without `proxy`, Kamal 2 sends requests to this port of the app.\nproxy:\n  app_port: 80\n";
    }
    Ok(Translated {
        path: shown,
        text,
        keys: keys.known,
        unread,
        has_new_proxy,
    })
}
