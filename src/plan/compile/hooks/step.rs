//! What hooks run: their files, and what they are told.

use std::collections::BTreeMap;

use crate::action::{FromRun, Run, Variable};
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::facts::model::{LocalFile, SourceFacts};
use crate::name::{HostName, SecretVariable};
use crate::plan::compile::Draft;
use crate::plan::hook::{Hook, PREFIXES};
use crate::plan::operation::HookRuns;
use crate::plan::{Operation, Reason, Step, Travel};
use crate::text::list;

/// How many characters of a commit Kamal shows.
const ABBREVIATED: usize = 7;

/// The most bytes of a list of hosts that a process can have in its environment, with room for its name.
const MOST_BYTES: usize = 128 * 1024 - 64;

/// The execute permission of a file's owner.
const EXECUTE: u32 = 0o100;

/// One run of a hook.
pub struct Call<'c> {
    /// The hook.
    pub hook: Hook,
    /// What tells this run from others of the same plan; empty if there is one.
    pub group: &'c str,
    /// The hosts that it is told.
    pub hosts: Vec<&'c HostName>,
    /// What it makes possible, or that it was asked for.
    pub why: Reason,
}

/// What the runs of hooks are made from.
pub struct Origin<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What was asked for.
    pub operation: &'a Operation,
    /// The files of the machine that plans.
    pub source: Option<&'a SourceFacts>,
    /// The version; empty if it is not known.
    pub version: &'a str,
}

/// The files that may be one hook, and what is wrong with those that cannot be read, by paths as people know them.
pub struct Found<'a> {
    files: Vec<(&'a String, &'a LocalFile)>,
    problems: Vec<(&'a String, &'a String)>,
}

/// Returns the step of a hook without its needs; `None` if there is no such hook, if it is skipped, or if the operation runs none.
pub fn step(draft: &mut Draft, call: Call) -> Option<Step> {
    if !draft.operation.kind.runs_hooks() {
        return None;
    }
    let origin = Origin::of(draft);
    let found = origin.find(call.hook);
    let path = found.path()?;
    if draft.operation.hooks == HookRuns::Skipped {
        draft.unchanged(None, "hooks", skipped(path));
        return None;
    }
    for error in found.errors(draft.operation) {
        draft.refuse(error);
    }
    let file = found.file()?;
    if !fits(&call.hosts) {
        draft.warn("hooks do not get the names of the hosts: these are too long together");
    }
    let run = origin.run(call.hook, file, &call.hosts);
    let name = call.hook.names()[0];
    let (subject, of_group) = match call.group {
        "" => (name.to_owned(), String::new()),
        group => (format!("{name}-{group}"), format!(" for {group}")),
    };
    let step = Step::new(None, call.hook.kind(), ["hook", &subject, "run"])
        .because(format!("Run {path}{of_group}"), call.why)
        .does([run])
        .secrets(&draft.config.hooks.secrets, Travel::Env)
        .timeout(0);
    Some(step)
}

/// Returns what is said of a hook that is skipped.
pub fn skipped(path: &str) -> String {
    format!("--skip-hooks: {path} is not run")
}

impl<'a> Origin<'a> {
    /// Returns what the hooks of `draft` are made from.
    pub fn of(draft: &Draft<'a>) -> Self {
        Self {
            config: draft.config,
            operation: draft.operation,
            source: draft.facts.source.as_ref(),
            version: draft.version,
        }
    }

    /// Returns what may be `hook`.
    pub fn find(&self, hook: Hook) -> Found<'a> {
        let files = self.source.into_iter().flat_map(|source| &source.hooks);
        let problems = self.source.into_iter();
        let problems = problems.flat_map(|source| &source.hook_problems);
        Found {
            files: files
                .filter(|(path, _)| Hook::of_file(path) == Some(hook))
                .collect(),
            // A directory that cannot be read may have any.
            problems: problems
                .filter(|(path, _)| Hook::of_file(path).is_none_or(|found| found == hook))
                .collect(),
        }
    }

    /// Returns the command of a hook, which is told `hosts`.
    pub fn run(&self, hook: Hook, file: &LocalFile, hosts: &[&HostName]) -> Run {
        let secrets = self.config.hooks.secrets.iter();
        Run {
            program_sha256: Some(file.sha256.clone()),
            env: secrets.map(|name| SecretVariable::parse(name)).collect(),
            directory: self.source.and_then(|source| source.directory.clone()),
            variables: self.variables(hook, hosts),
            ..Run::literal([file.program()])
        }
    }

    /// Returns what a hook is told, by the names of Kamal and those of MRSK.
    fn variables(&self, hook: Hook, hosts: &[&HostName]) -> BTreeMap<String, Variable> {
        let (config, operation) = (self.config, self.operation);
        let mut known: Vec<(&str, Variable)> = vec![
            ("RECORDED_AT", FromRun::Time.into()),
            ("PERFORMER", FromRun::Performer.into()),
            ("SERVICE", config.service.as_str().into()),
        ];
        if hook == Hook::PostDeploy {
            known.push(("RUNTIME", FromRun::Runtime.into()));
        }
        if !self.version.is_empty() {
            let versioned = format!("{}@{}", config.service, abbreviated(self.version));
            known.push(("VERSION", self.version.into()));
            known.push(("SERVICE_VERSION", versioned.as_str().into()));
        }
        if let Some(destination) = &config.destination {
            known.push(("DESTINATION", destination.as_str().into()));
        }
        if fits(hosts) {
            known.push(("HOSTS", comma_separated(hosts).as_str().into()));
        }
        if !operation.roles.is_empty() {
            let roles = comma_separated(&operation.roles);
            known.push(("ROLE", roles.as_str().into()));
            known.push(("ROLES", roles.as_str().into()));
        }
        let mut words = operation.name().split(' ');
        for name in ["COMMAND", "SUBCOMMAND"] {
            if let Some(word) = words.next() {
                known.push((name, word.into()));
            }
        }
        let named = PREFIXES.iter().flat_map(|prefix| {
            let known = known.iter();
            known.map(move |(name, value)| (format!("{prefix}{name}"), value.clone()))
        });
        named.collect()
    }
}

impl<'a> Found<'a> {
    /// Returns the path of the first, whether or not it can be run; `None` if there is none.
    pub fn path(&self) -> Option<&'a str> {
        let files = self.files.iter().map(|(path, _)| *path);
        let mut paths = files.chain(self.problems.iter().map(|(path, _)| *path));
        paths.next().map(String::as_str)
    }

    /// Returns the file that is run.
    pub fn file(&self) -> Option<&'a LocalFile> {
        self.files.first().map(|(_, file)| *file)
    }

    /// Returns why there is no one program to run. To leave it out silently would open a gate.
    pub fn errors(&self, operation: &Operation) -> Vec<Diagnostic> {
        let remove = match operation.kind.runs_hooks() {
            true => ", remove it, or pass `--skip-hooks`",
            false => ", or remove it",
        };
        let broken = self.problems.iter().map(|(path, problem)| {
            let error = Diagnostic::error(format!("cannot run the hook {path}: {problem}"));
            error.help(format!(
                "make {path} an executable file with LF line ends{remove}"
            ))
        });
        let mut errors: Vec<Diagnostic> = broken.collect();
        if self.files.len() > 1 {
            let paths: Vec<&str> = self.files.iter().map(|(path, _)| path.as_str()).collect();
            let message = format!("several files are the same hook: {}", list(&paths));
            let help = "remove all but one, or name their directory with `hooks_path`";
            errors.push(Diagnostic::error(message).help(help));
        }
        let dull = self.files.iter().filter(|(_, file)| !is_executable(file));
        errors.extend(dull.map(|(path, _)| {
            let error = Diagnostic::error(format!("the hook {path} is not executable"));
            error.help(format!("run `chmod +x {path}`, or remove the file"))
        }));
        errors
    }
}

fn is_executable(file: &LocalFile) -> bool {
    let mode = file.mode.as_deref().unwrap_or_default();
    u32::from_str_radix(mode, 8).is_ok_and(|mode| mode & EXECUTE != 0)
}

/// Returns whether a process can be told these hosts.
fn fits(hosts: &[&HostName]) -> bool {
    comma_separated(hosts).len() <= MOST_BYTES
}

fn comma_separated<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.join(",")
}

/// Returns a version as Kamal shows it: the beginning of a commit, and any other as it is.
fn abbreviated(version: &str) -> &str {
    match version.contains('_') {
        true => version,
        false => version.get(..ABBREVIATED).unwrap_or(version),
    }
}
