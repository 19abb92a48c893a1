//! The environment that secrets are taken from: the process's own, then `.env.DEST`, then `.env`.
//! Reading a file never changes the environment of the process, and no message shows anything of a
//! line but its number.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Place};
use crate::repository::{self, FileKind, ReadError, Repository};
use crate::secret::{Secret, Secrets};

/// Variables by name, from every source.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: Secrets,
    warnings: Vec<Diagnostic>,
}

impl Environment {
    /// Reads `.env.DEST` and `.env` in `dir`, or `explicit_file` in their place. What stands in
    /// `process` wins over the files, and `.env.DEST` over `.env`; within a file the last line wins. A
    /// missing `.env` or `.env.DEST` is fine.
    ///
    /// # Errors
    /// Every line that cannot be read or would be changed by substitution; a file that cannot be
    /// read; an explicit file that is not there.
    pub fn load(
        dir: &Path,
        destination: Option<&str>,
        explicit_file: Option<&Path>,
        process: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut variables = Secrets::new();
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        for (path, shown) in files(dir, destination, explicit_file) {
            let read = match explicit_file {
                Some(path) => repository::read_named(path, FileKind::Environment),
                None => Repository::of_current_directory().read(&path, FileKind::Environment),
            };
            let read = match read {
                Err(error) if error.is_not_found() && explicit_file.is_none() => continue,
                Err(error) => Err(vec![unreadable(&shown, &error)]),
                Ok(bytes) => parse_bytes(&shown, bytes),
            };
            warnings.extend(shared(&path, &shown));
            match read {
                Ok(read) => variables.extend(read),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        variables.extend(process.map(|(name, value)| (name, Secret::new(value))));
        Ok(Self {
            variables,
            warnings,
        })
    }

    /// Returns the value of the variable `name`.
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.variables.get(name).cloned()
    }

    /// Returns the same variables, with those of `own` in place of those of the same name.
    pub fn with(&self, own: &Secrets) -> Self {
        let mut variables = self.variables.clone();
        variables.extend(own.clone());
        Self {
            variables,
            warnings: Vec::new(),
        }
    }

    /// Returns what a user should know about the files.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns every variable.
    pub fn all(&self) -> &Secrets {
        &self.variables
    }
}

/// An environment of these variables alone, without any file.
impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        let pairs = variables.into_iter();
        let variables = pairs.map(|(name, value)| (name, Secret::new(value)));
        Self {
            variables: variables.collect(),
            warnings: Vec::new(),
        }
    }
}

/// Checks the text of a `.env` file. `shown` is its path in messages.
///
/// # Errors
/// Every line that cannot be read or would be changed by substitution.
pub fn check(shown: &str, text: &str) -> Result<(), Vec<Diagnostic>> {
    parse(shown, text).map(drop)
}

/// Returns the names of the files that variables of `destination` are read from, for messages.
pub fn files_shown(destination: Option<&str>) -> String {
    match destination {
        Some(destination) => format!(".env.{destination} or .env"),
        None => ".env".to_owned(),
    }
}

/// The files to read, the one that wins last, each with its name in messages.
fn files(dir: &Path, destination: Option<&str>, explicit: Option<&Path>) -> Vec<(PathBuf, String)> {
    if let Some(path) = explicit {
        return vec![(path.to_owned(), path.display().to_string())];
    }
    let names = file_names(destination).into_iter();
    names.map(|name| (dir.join(&name), name)).collect()
}

/// Returns the names of the files that variables of `destination` are read from, the one that wins last.
pub fn file_names(destination: Option<&str>) -> Vec<String> {
    let destination = destination.map(|destination| format!(".env.{destination}"));
    std::iter::once(".env".to_owned())
        .chain(destination)
        .collect()
}

fn unreadable(shown: &str, error: &ReadError) -> Diagnostic {
    let help = match error {
        ReadError::Outside(_) => "name the file that it leads to with `--env-file FILE`",
        error => error.help(),
    };
    problem(shown, 0, error.message(shown), help)
}

/// Warns of a file that others than its owner can read or write.
fn shared(path: &Path, shown: &str) -> Option<Diagnostic> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mode = metadata.permissions().mode() & 0o777;
    let can = match (mode & 0o044, mode & 0o022) {
        (0, 0) => return None,
        (_, 0) => "read",
        (0, _) => "write",
        _ => "read and write",
    };
    let message = format!("other users can {can} {shown} (mode {mode:04o})");
    Some(Diagnostic::warning(message).help(format!("run `chmod 600 {shown}`")))
}

fn parse_bytes(shown: &str, bytes: Vec<u8>) -> Result<Secrets, Vec<Diagnostic>> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let help = "save the file as UTF-8; encode binary values, for example with base64";
        vec![problem(shown, line, "invalid UTF-8", help)]
    })?;
    parse(shown, &text)
}

/// Reads the text of a `.env` file.
fn parse(shown: &str, text: &str) -> Result<Secrets, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut secrets = Secrets::new();
    let mut problems = Vec::new();
    for entry in entries(text) {
        if let Some(line) = entry.open_quote {
            let help = "close it; put a value that contains a single quote in double quotes";
            problems.push(problem(shown, line, "unclosed quote", help));
            break;
        }
        if let Some((line, column)) = entry.dollar {
            let message = "`$` outside single quotes";
            let help = "put the value in single quotes, or write `\\$`: mrsk does not substitute variables";
            let problem = problem(shown, line, message, help);
            problems.push(Diagnostic {
                place: problem.place.map(|place| Place { column, ..place }),
                ..problem
            });
            continue;
        }
        for item in dotenvy::from_read_iter(entry.text.as_bytes()) {
            let Ok((name, value)) = item else {
                let help = "put a value with spaces, quotes, `#` or backslashes in single quotes; comments start with `#`";
                problems.push(problem(shown, entry.line, "expected `NAME=value`", help));
                break;
            };
            secrets.insert(name, Secret::new(value));
        }
    }
    match problems.is_empty() {
        true => Ok(secrets),
        false => Err(problems),
    }
}

fn problem(shown: &str, line: usize, message: impl Into<String>, help: &str) -> Diagnostic {
    let place = Place {
        file: shown.to_owned(),
        line,
        column: 0,
        length: 1,
    };
    let error = Diagnostic::error(message).at(place);
    error.help(help).hide_source()
}

/// One assignment: a line, or several if a quoted value has line breaks.
struct Entry {
    /// Its text, with the line break at its end.
    text: String,
    /// Its first line.
    line: usize,
    /// Line and column of a `$` that dotenvy would replace.
    dollar: Option<(usize, usize)>,
    /// The line of a quote that is not closed at the end of the file.
    open_quote: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Quote {
    None,
    Single,
    Double,
}

/// Returns `NAME: value`, which Ruby's dotenv reads too, as `NAME=value`, and any other line as it is.
fn with_equals(line: &str) -> String {
    let start = line.trim_start();
    let start = start.strip_prefix("export ").unwrap_or(start).trim_start();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    let rest = start.trim_start_matches(is_name);
    match rest.strip_prefix(':') {
        Some(value)
            if rest.len() < start.len() && (value.is_empty() || value.starts_with([' ', '\t'])) =>
        {
            let name = &start[..start.len() - rest.len()];
            format!("{name}={}", value.trim_start())
        }
        _ => line.to_owned(),
    }
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut entry = Entry {
            text: with_equals(line) + "\n",
            line: number,
            dollar: None,
            open_quote: None,
        };
        let mut quote = scan(line, Quote::None, number, &mut entry.dollar);
        let mut opened = number;
        while quote != Quote::None {
            let Some((line, number)) = lines.next() else {
                entry.open_quote = Some(opened);
                break;
            };
            entry.text.extend([line, "\n"]);
            let before = quote;
            quote = scan(line, quote, number, &mut entry.dollar);
            if before != quote {
                opened = number;
            }
        }
        entries.push(entry);
    }
    entries
}

/// Follows the quotes of one line, and notes the first `$` that would be replaced.
fn scan(line: &str, mut quote: Quote, number: usize, dollar: &mut Option<(usize, usize)>) -> Quote {
    let mut escaped = false;
    let mut after_blank = false;
    for (c, column) in line.chars().zip(1..) {
        let blank_before = std::mem::replace(&mut after_blank, c.is_whitespace());
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, c) {
            (Quote::None, '#') if blank_before => break,
            (Quote::None | Quote::Double, '\\') => escaped = true,
            (Quote::None | Quote::Double, '$') => *dollar = dollar.or(Some((number, column))),
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            _ => {}
        }
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let secrets = parse(".env", text).unwrap_or_else(|problems| panic!("{problems:?}"));
        let pairs = secrets.iter();
        pairs
            .map(|(name, secret)| (name.clone(), secret.reveal().to_owned()))
            .collect()
    }

    fn lines(text: &str) -> Vec<String> {
        let problems = parse(".env", text).expect_err(text);
        for problem in &problems {
            assert!(problem.source_hidden);
            assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
        }
        let places = problems.into_iter().filter_map(|problem| problem.place);
        places.map(|place| place.to_string()).collect()
    }

    #[test]
    fn values_arrive_as_they_are_written() {
        for (text, expected) in [
            ("A=b", "b"),
            ("A=", ""),
            ("export A=b", "b"),
            ("A = b", "b"),
            ("A=b # comment's", "b"),
            ("A=b#c", "b#c"),
            ("A='$apr1$x$y'", "$apr1$x$y"),
            ("A=\"a\\$b\"", "a$b"),
            ("A='a\nb\n'", "a\nb\n"),
            ("A=\"a\\nb\"", "a\nb"),
            ("A='a \"b\" #c'", "a \"b\" #c"),
            ("A=\"it's\"", "it's"),
            ("A=b   ", "b"),
            ("\u{feff}A=b\r\n", "b"),
            ("# it's a comment with a $\nA=b", "b"),
            ("A=a\nA=b", "b"),
            ("A=é✓", "é✓"),
            ("A=b=c==", "b=c=="),
        ] {
            assert_eq!(
                values(text),
                [("A".to_owned(), expected.to_owned())],
                "{text}"
            );
        }
    }

    #[test]
    fn problems_name_the_line_and_nothing_of_it() {
        for (text, expected) in [
            ("A=b\nhunter2", vec![".env:2"]),
            ("A=hunter2 $x", vec![".env:1:11"]),
            ("\nA=\"$apr1$hunter2\"", vec![".env:2:4"]),
            (
                "A='x\ny' \nB=$hunter2\nC=hunter2 x",
                vec![".env:3:3", ".env:4"],
            ),
            ("A=b\nB='hunter2\nC=d", vec![".env:2"]),
            ("A=\"\nx$hunter2\"", vec![".env:2:2"]),
            ("1A=hunter2", vec![".env:1"]),
        ] {
            assert_eq!(lines(text), expected, "{text}");
        }
    }

    #[test]
    fn the_process_wins_over_the_destination_and_that_over_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".env"), "A=env\nB=env\nC=env\n").unwrap();
        std::fs::write(dir.path().join(".env.staging"), "A=staging\nB=staging\n").unwrap();
        let process = || [("A".to_owned(), "process".to_owned())].into_iter();
        let get = |environment: &Environment, name| {
            environment
                .get(name)
                .map(|secret| secret.reveal().to_owned())
        };

        let staging = Environment::load(dir.path(), Some("staging"), None, process()).unwrap();
        let all = ["A", "B", "C", "D"].map(|name| get(&staging, name));
        assert_eq!(
            all,
            [
                Some("process".into()),
                Some("staging".into()),
                Some("env".into()),
                None
            ]
        );

        let plain = Environment::load(dir.path(), None, None, process()).unwrap();
        assert_eq!(get(&plain, "B"), Some("env".into()));

        let other = dir.path().join(".env.staging");
        let explicit = Environment::load(dir.path(), None, Some(&other), process()).unwrap();
        assert_eq!(get(&explicit, "C"), None);
        assert!(std::env::var_os("B").is_none());
    }

    #[test]
    fn a_missing_file_is_fine_unless_it_was_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Environment::load(dir.path(), Some("x"), None, std::iter::empty()).is_ok());
        let missing = dir.path().join("nothing");
        assert!(Environment::load(dir.path(), None, Some(&missing), std::iter::empty()).is_err());
        std::fs::create_dir(dir.path().join(".env")).unwrap();
        assert!(Environment::load(dir.path(), None, None, std::iter::empty()).is_err());
    }
}
