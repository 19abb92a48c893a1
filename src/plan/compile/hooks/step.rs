//! The step of a hook: the file that it runs, and what it is told.

use std::collections::BTreeMap;

use crate::action::{FromRun, Run, Variable};
use crate::diagnostic::Diagnostic;
use crate::facts::model::LocalFile;
use crate::name::{HostName, SecretVariable};
use crate::plan::compile::Draft;
use crate::plan::hook::{Hook, PREFIXES};
use crate::plan::operation::HookRuns;
use crate::plan::{Reason, Step, Travel};
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

/// Returns the step of a hook without its needs; `None` if there is no such hook, if it is skipped, or if the operation runs none.
pub fn step(draft: &mut Draft, call: Call) -> Option<Step> {
    if !draft.operation.kind.runs_hooks() {
        return None;
    }
    let found = files(draft, call.hook);
    let broken = problems(draft, call.hook);
    let paths = found.iter().map(|(path, _)| *path);
    let path = paths.chain(broken.iter().map(|(path, _)| *path)).next()?;
    if draft.operation.hooks == HookRuns::Skipped {
        draft.unchanged(None, "hooks", format!("--skip-hooks: {path} is not run"));
        return None;
    }
    refuse(draft, &broken);
    check(draft, &found);
    let (path, file) = *found.first()?;
    let variables = variables(draft, &call);
    let source = draft.facts.source.as_ref();
    let secrets = &draft.config.hooks.secrets;
    let run = Run {
        program_sha256: Some(file.sha256.clone()),
        env: secrets
            .iter()
            .map(|name| SecretVariable::parse(name))
            .collect(),
        directory: source.and_then(|source| source.directory.clone()),
        variables,
        ..Run::literal([file.program()])
    };
    let name = call.hook.names()[0];
    let (subject, of_group) = match call.group {
        "" => (name.to_owned(), String::new()),
        group => (format!("{name}-{group}"), format!(" for {group}")),
    };
    let step = Step::new(None, call.hook.kind(), ["hook", &subject, "run"])
        .because(format!("Run {path}{of_group}"), call.why)
        .does([run])
        .secrets(secrets, Travel::Env)
        .timeout(0);
    Some(step)
}

/// Returns the files of a hook, with their paths as people know them.
fn files<'a>(draft: &Draft<'a>, hook: Hook) -> Vec<(&'a String, &'a LocalFile)> {
    let source = draft.facts.source.as_ref();
    let files = source.into_iter().flat_map(|source| &source.hooks);
    files
        .filter(|(path, _)| Hook::of_file(path) == Some(hook))
        .collect()
}

/// Returns what is wrong with the file of a hook, or with the directory that it may be in.
fn problems<'a>(draft: &Draft<'a>, hook: Hook) -> Vec<(&'a String, &'a String)> {
    let source = draft.facts.source.as_ref();
    let problems = source.into_iter().flat_map(|source| &source.hook_problems);
    problems
        .filter(|(path, _)| Hook::of_file(path).is_none_or(|found| found == hook))
        .collect()
}

/// Refuses what cannot be run. To leave it out silently would open a gate.
fn refuse(draft: &mut Draft, problems: &[(&String, &String)]) {
    for (path, problem) in problems {
        let error = Diagnostic::error(format!("cannot run the hook {path}: {problem}"));
        draft.refuse(error.help(format!(
            "make {path} an executable file with LF line ends, remove it, or pass `--skip-hooks`"
        )));
    }
}

/// Refuses several files, and one that is not a program.
fn check(draft: &mut Draft, files: &[(&String, &LocalFile)]) {
    if files.len() > 1 {
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let error = Diagnostic::error(format!("several files are the same hook: {}", list(&paths)));
        draft.refuse(error.help("remove all but one, or name their directory with `hooks_path`"));
    }
    for (path, _) in files.iter().filter(|(_, file)| !is_executable(file)) {
        let error = Diagnostic::error(format!("the hook {path} is not executable"));
        draft.refuse(error.help(format!("run `chmod +x {path}`, or remove the file")));
    }
}

fn is_executable(file: &LocalFile) -> bool {
    let mode = file.mode.as_deref().unwrap_or_default();
    u32::from_str_radix(mode, 8).is_ok_and(|mode| mode & EXECUTE != 0)
}

/// Returns what a hook is told, by the names of Kamal and those of MRSK.
fn variables(draft: &mut Draft, call: &Call) -> BTreeMap<String, Variable> {
    let (config, operation) = (draft.config, draft.operation);
    let mut known: Vec<(&str, Variable)> = vec![
        ("RECORDED_AT", FromRun::Time.into()),
        ("PERFORMER", FromRun::Performer.into()),
        ("SERVICE", config.service.as_str().into()),
    ];
    if call.hook == Hook::PostDeploy {
        known.push(("RUNTIME", FromRun::Runtime.into()));
    }
    if !draft.version.is_empty() {
        let versioned = format!("{}@{}", config.service, abbreviated(draft.version));
        known.push(("VERSION", draft.version.into()));
        known.push(("SERVICE_VERSION", versioned.as_str().into()));
    }
    if let Some(destination) = &config.destination {
        known.push(("DESTINATION", destination.as_str().into()));
    }
    let hosts = comma_separated(&call.hosts);
    match hosts.len() > MOST_BYTES {
        true => draft.warn("hooks do not get the names of the hosts: these are too long together"),
        false => known.push(("HOSTS", hosts.as_str().into())),
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
