//! Reading secrets files, and what their assignments refer to.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credential::credential_in;
use super::parse::{Assignment, Command, Part, parse};
use crate::diagnostic::{Diagnostic, Place};
use crate::name::Sha256Hex;
use crate::repository::{FileKind, Repository};

/// Where secrets files are looked for if the configuration does not say. The first directory that has one is taken.
const USUAL: [&str; 2] = [".mrsk/secrets", ".kamal/secrets"];

/// A secrets file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SecretsFile {
    /// Path relative to where the plan was made.
    pub path: String,
    /// SHA-256 of its bytes; absent if none of the files has a command: then it may change, as `.env` may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Hex>,
}

/// The secrets files of a destination.
#[derive(Debug, Clone, Default)]
pub struct SecretsFiles {
    /// Their paths and hashes, in the order in which they are read.
    pub(super) read: Vec<(String, Sha256Hex)>,
    /// What they assign, in that order, each with the position of its file.
    assignments: Vec<(usize, Assignment)>,
}

impl SecretsFiles {
    /// Reads `PATH-common`, and `PATH.DEST` or without a destination `PATH`. Without `path` it is that of the first of the usual
    /// directories that has one of these files. A file that is missing is fine.
    ///
    /// # Errors
    /// A file that cannot be read, and every line that is not an assignment.
    pub fn read(path: Option<&str>, destination: Option<&str>) -> Result<Self, Vec<Diagnostic>> {
        let usual = || {
            let mut usual = USUAL.into_iter();
            let has_any = |base: &&str| {
                let names = names(base, destination);
                names
                    .iter()
                    .any(|name| Path::new(name).symlink_metadata().is_ok())
            };
            usual.find(has_any)
        };
        let Some(base) = path.or_else(usual) else {
            return Ok(Self::default());
        };
        let read = |path: &str| {
            read_file(path)
                .transpose()
                .map(|file| (path.to_owned(), file))
        };
        let found = names(base, destination);
        Self::parse(found.iter().filter_map(|path| read(path)))
    }

    /// Reads the files of a plan. Returns beside them how one differs from the plan, if one does.
    ///
    /// # Errors
    /// As [`Self::read`], for a file that does not differ.
    pub fn read_planned(
        planned: &[SecretsFile],
    ) -> Result<(Self, Option<String>), Vec<Diagnostic>> {
        let mut stale = None;
        let mut files = Vec::new();
        for SecretsFile { path, sha256 } in planned {
            let bytes = read_file(path)?;
            let how = match (&bytes, sha256) {
                (None, Some(_)) => Some("does not exist"),
                (Some(bytes), Some(sha256)) if Sha256Hex::of(bytes) != *sha256 => {
                    Some("differs from the plan")
                }
                _ => None,
            };
            stale = stale.or_else(|| how.map(|how| format!("{path} {how}")));
            files.extend(bytes.map(|bytes| (path.clone(), Ok(bytes))));
        }
        match (Self::parse(files.into_iter()), &stale) {
            (Ok(files), _) => Ok((files, stale)),
            (Err(_), Some(_)) => Ok((Self::default(), stale)),
            (Err(problems), None) => Err(problems),
        }
    }

    pub(super) fn parse(
        files: impl Iterator<Item = (String, Result<Vec<u8>, Vec<Diagnostic>>)>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (mut all, mut problems) = (Self::default(), Vec::new());
        for (path, bytes) in files {
            let assigned = bytes.and_then(|bytes| {
                let number = all.read.len();
                all.read.push((path.clone(), Sha256Hex::of(&bytes)));
                let text = String::from_utf8(bytes).map_err(|error| not_text(&path, &error))?;
                let found = parse(&path, &text)?;
                Ok(found.into_iter().map(move |one| (number, one)))
            });
            match assigned {
                Ok(assigned) => all.assignments.extend(assigned),
                Err(found) => problems.extend(found),
            }
        }
        match problems.is_empty() {
            true => Ok(all),
            false => Err(problems),
        }
    }

    /// Returns the names that have values here, sorted.
    pub fn names(&self) -> Vec<&str> {
        let assigned = self.assignments.iter();
        let mut names: Vec<&str> = assigned.map(|(_, one)| one.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the commands that the value of `name` comes from, in the order in which they are run.
    pub fn commands_of(&self, name: &str) -> Vec<&Command> {
        let mut found = Vec::new();
        if let Some(at) = self.find(name) {
            self.collect(at, &mut Vec::new(), &mut found);
        }
        found
    }

    /// Returns the texts of these commands.
    pub fn command_texts(&self, name: &str) -> Vec<String> {
        let commands = self.commands_of(name).into_iter();
        commands
            .map(|command| command.text.trim().to_owned())
            .collect()
    }

    fn collect<'s>(&'s self, at: usize, seen: &mut Vec<usize>, found: &mut Vec<&'s Command>) {
        if seen.contains(&at) {
            return;
        }
        seen.push(at);
        let below = |name: &String, seen: &mut Vec<usize>, found: &mut Vec<&'s Command>| {
            if let Some(referred) = self.refers(at, name) {
                self.collect(referred, seen, found);
            }
        };
        for part in self.parts(at) {
            match part {
                Part::Text(_) => {}
                Part::Reference(name) => below(name, seen, found),
                Part::Command(command) => {
                    for name in &command.names {
                        below(name, seen, found);
                    }
                    if !found.contains(&command) {
                        found.push(command);
                    }
                }
            }
        }
    }

    /// Returns the assignment that gives `name` its value: the last one.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.assignments
            .iter()
            .rposition(|(_, one)| one.name == name)
    }

    /// Returns the assignment that `name` refers to in the value of that at `at`: the last one before it.
    pub(super) fn refers(&self, at: usize, name: &str) -> Option<usize> {
        let before = &self.assignments[..at];
        before.iter().rposition(|(_, one)| one.name == name)
    }

    pub(super) fn parts(&self, at: usize) -> &[Part] {
        &self.assignments[at].1.parts
    }

    pub(super) fn place(&self, at: usize) -> &Place {
        &self.assignments[at].1.place
    }

    /// Returns the assignments whose values, or a part of them, stand in the files.
    fn in_clear(&self) -> impl Iterator<Item = &Assignment> {
        let has_text = |part: &Part| matches!(part, Part::Text(_));
        let assigned = self.assignments.iter().map(|(_, one)| one);
        assigned.filter(move |one| one.parts.iter().any(has_text))
    }
}

impl SecretsFiles {
    /// Returns a warning of each value that stands in a file whose hash will be in a plan: a short one could be guessed from it.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let has_commands = self
            .names()
            .iter()
            .any(|name| !self.commands_of(name).is_empty());
        let clear = self
            .in_clear()
            .filter(|one| has_commands && crate::config::looks_secret(&one.name, "value"));
        let warnings = clear.map(|one| {
            let message = format!(
                "the value of `{}` stands in {}, whose SHA-256 is part of each plan",
                one.name, one.place.file
            );
            let help = "move the value to .env, and refer to it with `$NAME`";
            Diagnostic::warning(message)
                .at(one.place.clone())
                .help(help)
                .hide_source()
        });
        warnings.chain(self.warnings_of_commands()).collect()
    }

    /// Returns a warning of each command that has a credential in its text: a plan has this text.
    fn warnings_of_commands(&self) -> impl Iterator<Item = Diagnostic> {
        let assigned = self.assignments.iter().map(|(_, one)| one);
        assigned.filter_map(|one| {
            let commands = one.parts.iter().filter_map(|part| match part {
                Part::Command(command) => Some(command.text.as_str()),
                Part::Text(_) | Part::Reference(_) => None,
            });
            let what = commands.filter_map(credential_in).next()?;
            let message = format!(
                "the command of `{}` contains a credential ({what}), and each plan contains the command",
                one.name
            );
            let help = "put it into .env or the environment, and write `$NAME` in its place";
            Some(Diagnostic::warning(message).at(one.place.clone()).help(help).hide_source())
        })
    }
}

/// Returns whether `path` is one of those where a secrets file is looked for by itself.
pub fn is_usual(path: &str, destination: Option<&str>) -> bool {
    let mut usual = USUAL.iter();
    usual.any(|base| names(base, destination).iter().any(|name| name == path))
}

/// Returns the paths of the files, the one that wins last.
fn names(base: &str, destination: Option<&str>) -> [String; 2] {
    let own = match destination {
        Some(destination) => format!("{base}.{destination}"),
        None => base.to_owned(),
    };
    [format!("{base}-common"), own]
}

/// Reads a file; `None` if it is missing.
fn read_file(path: &str) -> Result<Option<Vec<u8>>, Vec<Diagnostic>> {
    let repository = Repository::of_current_directory();
    match repository.read(Path::new(path), FileKind::Environment) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() && Path::new(path).symlink_metadata().is_ok() => {
            let message = format!("cannot read {path}: it is a link to a file that does not exist");
            let help = "see that its target is there, or remove the link";
            Err(vec![Diagnostic::error(message).help(help)])
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => {
            let problem = Diagnostic::error(error.message(path));
            Err(vec![problem.help(error.help())])
        }
    }
}

fn not_text(path: &str, error: &std::string::FromUtf8Error) -> Vec<Diagnostic> {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let place = Place {
        file: path.to_owned(),
        line: good.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: 0,
        length: 1,
    };
    let help = "save the file as UTF-8; encode binary values, for example with base64";
    let problem = Diagnostic::error("invalid UTF-8").at(place);
    vec![problem.help(help).hide_source()]
}
