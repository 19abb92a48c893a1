//! The build context: what docker would copy of it, and whether that holds a secret.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;

use super::failure::Failure;
use super::project::Project;
use super::{git, output};
use crate::config::dotenv;
use crate::diagnostic::{Diagnostic, Place};
use crate::docker::ignore::{self, Ignore, Matched};
use crate::exit_code::ExitCode;
use crate::plan::Plan;
use crate::plan::leak::{self, Likeness};
use crate::redaction;
use crate::repository::{FileKind, ReadError, Repository};
use crate::text;

/// How many bytes are searched at most in all files together.
const MAX_BYTES: u64 = 512 << 20;

/// How many files and directories are looked at, at most.
const MAX_ENTRIES: usize = 200_000;

/// How many files messages name at most.
const MAX_NAMED: usize = 20;

/// What git keeps compressed: nothing would be found there.
const OBJECTS: &str = ".git/objects";

/// The directory that docker builds.
pub struct Context {
    repository: Repository,
    /// Its path, relative to the root.
    shown: String,
    directory: PathBuf,
    /// The file with its rules, relative to the root.
    rules: String,
    ignore: Result<Ignore, Diagnostic>,
}

impl Context {
    /// Returns the build context at `context` with the rules for `dockerfile`, both relative to `root`. Fails if it leads out of
    /// the repository.
    pub fn open(root: &Path, context: &str, dockerfile: &str) -> Result<Self, Failure> {
        let repository = Repository::at(root);
        let directory = match repository.resolve(&root.join(context)) {
            Err(error) if error.is_hostile() => return Err(unreadable(context, &error)),
            Err(_) => root.join(context),
            Ok(directory) => directory,
        };
        let own = format!("{dockerfile}.dockerignore");
        let common = join(context, ".dockerignore");
        let mut rules = (common.clone(), String::new());
        for file in [own, common] {
            match repository.read_below(Path::new(&file), FileKind::Dockerignore) {
                Ok(bytes) => {
                    rules = (file, String::from_utf8_lossy(&bytes).into_owned());
                    break;
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(unreadable(&file, &error)),
            }
        }
        let (rules, text) = rules;
        let ignore = Ignore::parse(&text).map_err(|invalid| {
            let place = Place {
                file: rules.clone(),
                line: invalid.number,
                column: 0,
                length: 1,
            };
            Diagnostic::error(format!("invalid line in {rules}: {}", invalid.problem))
                .at(place)
                .help("docker would refuse to build: correct the line")
        });
        Ok(Self {
            repository,
            shown: context.to_owned(),
            directory,
            rules,
            ignore,
        })
    }

    /// Returns whether docker copies the file at `path`, which is relative to the root.
    pub fn has(&self, path: &str) -> bool {
        let Some(path) = self.below(path) else {
            return false;
        };
        !self
            .ignore
            .as_ref()
            .is_ok_and(|ignore| ignore.excludes(path))
    }

    /// Returns `path`, which is relative to the root, relative to the context.
    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.shown.as_str() {
            "." => Some(path),
            context => path.strip_prefix(context)?.strip_prefix('/'),
        }
    }
}

/// Fails if the image of `plan` would hold the value of one of the project's secrets, and warns of files with secrets that docker
/// would copy.
pub async fn check(project: &Project, plan: &Plan) -> Result<(), Failure> {
    let Some(source) = &plan.source else {
        return Ok(());
    };
    let root = git::root().await?;
    let context = Context::open(&root, &source.context, &source.dockerfile)?;
    let ignore = match &context.ignore {
        Ok(ignore) => ignore,
        Err(problem) => return Err(Failure::of(ExitCode::Configuration, vec![problem.clone()])),
    };
    let tracked = git::tracked(&root, ":(glob)**/.env*").await;
    let mut search = Search::new(&context, ignore, project, &tracked);
    if let Some(search) = &mut search {
        search.directory("", &Matched::default());
    }
    let (found, unsearched) = search.map_or_else(Default::default, Search::into_results);
    let mut accidents = Vec::new();
    let mut leaks: Vec<(String, String)> = Vec::new();
    for (path, name) in found {
        match is_accident(&context, &root, project, (&path, &name)).await {
            true => accidents.push((path, name)),
            // One secret is enough to name a file.
            false if leaks.iter().any(|(other, _)| *other == path) => {}
            false => leaks.push((path, name)),
        }
    }
    let found = leaks;
    if !found.is_empty() {
        return Err(Failure::of(
            ExitCode::Configuration,
            refuse(&context, &found),
        ));
    }
    let mut warnings = copied(&context, &root, project, &tracked);
    warnings.extend(accidents.iter().take(MAX_NAMED).map(|(path, secret)| {
        let shown = join(&context.shown, path);
        Diagnostic::warning(format!(
            "{shown} contains the value of secret `{secret}`, perhaps by accident, and is in the build context"
        ))
        .help("choose a longer value for the secret, or ignore this: it is a common word")
    }));
    if !unsearched.is_empty() {
        warnings.push(
            Diagnostic::warning(format!(
                "not searched for secrets: {}",
                text::list_up_to(MAX_NAMED, &unsearched)
            ))
            .help(format!(
                "add to {} what the image does not need",
                context.rules
            )),
        );
    }
    output::print_diagnostics(&warnings);
    Ok(())
}

/// Whether a file may hold the value of a secret without having anything to do with it: a common word, in a file that was
/// committed, and that is none with variables.
async fn is_accident(
    context: &Context,
    root: &Path,
    project: &Project,
    (path, name): (&str, &str),
) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let secret = project.secrets.get(name);
    if file.starts_with(".env")
        || secret.is_none_or(|secret| leak::likeness(secret.reveal()) == Likeness::Unique)
    {
        return false;
    }
    let whole = join(&context.shown, path);
    let pattern = format!(":(top,literal){whole}");
    let tracked = git::tracked(root, &pattern).await;
    tracked.contains(&whole)
}

/// Returns the files that hold secrets as errors.
fn refuse(context: &Context, found: &[(String, String)]) -> Vec<Diagnostic> {
    let errors = found.iter().take(MAX_NAMED).map(|(path, secret)| {
        let shown = join(&context.shown, path);
        Diagnostic::error(format!(
            "{shown} holds the value of secret `{secret}`, and is in the build context"
        ))
        .help(format!(
            "add the line `{}` to {}, so that it does not get into the image",
            ignore::line(path),
            context.rules
        ))
    });
    let mut errors: Vec<Diagnostic> = errors.collect();
    if found.len() > MAX_NAMED {
        let more = found.len() - MAX_NAMED;
        errors.push(Diagnostic::error(format!(
            "{more} more files of the build context hold secrets"
        )));
    }
    errors
}

/// Warns of mrsk's own files with secrets or plans that docker would copy although git ignores them.
fn copied(
    context: &Context,
    root: &Path,
    project: &Project,
    tracked: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let destination = project.config().destination.as_deref();
    let files = dotenv::file_names(destination);
    let current = std::env::current_dir().unwrap_or_default();
    let below = |name: &str| {
        let path = current.join(name);
        path.symlink_metadata().ok()?;
        let path = path.strip_prefix(root).ok()?.to_str()?.to_owned();
        (!tracked.contains(&path) && context.has(&path)).then_some(path)
    };
    let names = files.iter().map(String::as_str).chain([".mrsk"]);
    let warnings = names.filter_map(below).map(|path| {
        let line = ignore::line(context.below(&path).unwrap_or(&path));
        Diagnostic::warning(format!("{path} is in the build context"))
            .help(format!("add the line `{line}` to {}", context.rules))
    });
    warnings.collect()
}

/// A search of the files of a context for secrets.
struct Search<'a> {
    context: &'a Context,
    ignore: &'a Ignore,
    tracked: &'a BTreeSet<String>,
    forms: AhoCorasick,
    /// The secret of each form.
    names: Vec<&'a str>,
    /// The files that hold a secret, with its name.
    found: Vec<(String, String)>,
    unsearched: Vec<String>,
    entries: usize,
    bytes: u64,
}

impl<'a> Search<'a> {
    /// Returns nothing if there is no secret that could be found.
    fn new(
        context: &'a Context,
        ignore: &'a Ignore,
        project: &'a Project,
        tracked: &'a BTreeSet<String>,
    ) -> Option<Self> {
        let named = project.secrets.iter().flat_map(|(name, secret)| {
            let forms = redaction::whole_forms(secret).into_iter();
            forms.map(move |form| (name.as_str(), form))
        });
        let (names, forms): (Vec<&str>, Vec<String>) = named.unzip();
        if forms.is_empty() {
            return None;
        }
        Some(Self {
            context,
            ignore,
            tracked,
            forms: redaction::search(&forms)?,
            names,
            found: Vec::new(),
            unsearched: Vec::new(),
            entries: 0,
            bytes: 0,
        })
    }

    /// Searches a directory, whose path is relative to the context.
    fn directory(&mut self, path: &str, matched: &Matched) {
        let Ok(entries) = std::fs::read_dir(self.context.directory.join(path)) else {
            return self.leave(path, "cannot be read");
        };
        let mut names: Vec<_> = entries.flatten().collect();
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let Ok(name) = entry.file_name().into_string() else {
                self.leave(path, "has a file whose name is not UTF-8");
                continue;
            };
            let below = join(if path.is_empty() { "." } else { path }, &name);
            let (excluded, matched) = self.ignore.step(&below, matched);
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return self.leave(path, "has too many files");
            }
            match kind.is_dir() {
                true if below == OBJECTS => {}
                true if excluded && !self.ignore.has_exceptions() => {}
                true => self.directory(&below, &matched),
                // What a link leads to is copied only if it is in the context itself.
                false if kind.is_file() && !excluded => self.file(&below),
                false => {}
            }
        }
    }

    fn file(&mut self, path: &str) {
        if self.tracked.contains(&join(&self.context.shown, path)) {
            return;
        }
        if self.bytes > MAX_BYTES {
            return self.leave(path, "is beyond 512 MiB in all");
        }
        let file = self.context.directory.join(path);
        let bytes = match self
            .context
            .repository
            .read_below(&file, FileKind::ContextFile)
        {
            Ok(bytes) => bytes,
            Err(ReadError::TooLarge(_)) => return self.leave(path, "has more than 16 MiB"),
            Err(_) => return self.leave(path, "cannot be read"),
        };
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let found = self.forms.find_iter(&bytes);
        let names = found.filter_map(|found| self.names.get(found.pattern().as_usize()));
        let names: BTreeSet<&str> = names.copied().collect();
        let named = names
            .into_iter()
            .map(|name| (path.to_owned(), name.to_owned()));
        self.found.extend(named);
    }

    fn leave(&mut self, path: &str, why: &str) {
        let shown = join(&self.context.shown, path);
        self.unsearched.push(format!("{shown} ({why})"));
    }

    fn into_results(self) -> (Vec<(String, String)>, Vec<String>) {
        (self.found, self.unsearched)
    }
}

fn unreadable(path: &str, error: &ReadError) -> Failure {
    let message = error.message(path);
    Failure::new(ExitCode::Configuration, message).help(error.help())
}

/// Returns the path of `name` in a directory; that of the root is `.`.
fn join(directory: &str, name: &str) -> String {
    match (directory, name) {
        (directory, "") => directory.to_owned(),
        (".", name) => name.to_owned(),
        (directory, name) => format!("{directory}/{name}"),
    }
}
