//! What a plan may do on the machine that applies it. What is impossible is refused by the reader; what is possible but not of
//! the closed list needs an approval, and stands on top of every review.

use std::fmt;

use super::hook;
use super::kinds::StepKind;
use super::model::{Check, Plan, Source, Step};
use crate::action::{Action, Arg, OwnConfig, Run, Variable};
use crate::config::is_read_at_start;
use crate::config::secrets_files::is_usual;
use crate::docker::local_command::{is_listed, is_listed_argv};
use crate::name::{HostName, SecretVariable};
use crate::record::state_directory;
use crate::text;

/// What an approval is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A command that ssh runs on this machine to reach a host.
    ProxyCommand,
    /// Host keys that the known_hosts of this machine does not have.
    HostKeys,
    /// A state directory that mrsk would not choose.
    StateDirectory,
    /// A command on this machine that is not of the closed list.
    Commands,
}

impl Subject {
    /// Every subject, in the order of a review.
    pub const ALL: [Self; 4] = [
        Self::ProxyCommand,
        Self::HostKeys,
        Self::StateDirectory,
        Self::Commands,
    ];

    /// Returns its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProxyCommand => "proxy-command",
            Self::HostKeys => "host-keys",
            Self::StateDirectory => "state-directory",
            Self::Commands => "commands",
        }
    }
}

/// Something in a plan that needs an approval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Concern {
    /// What it is.
    pub subject: Subject,
    /// The host that it is about.
    pub host: Option<HostName>,
    /// The value: a command line, a directory, or a host key.
    pub value: String,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.value;
        match self.subject {
            Subject::ProxyCommand => write!(f, "connects with the command {value}")?,
            Subject::HostKeys => write!(f, "accepts the host key {value}")?,
            Subject::StateDirectory => write!(f, "keeps its state in {value}")?,
            Subject::Commands => write!(f, "runs on the machine that applies: {value}")?,
        }
        match &self.host {
            Some(host) => write!(f, " ({host})"),
            None => Ok(()),
        }
    }
}

/// Returns what the plan itself shows to need an approval, sorted and without duplicates. Whether this machine knows the host
/// keys is not seen here.
pub fn concerns(plan: &Plan) -> Vec<Concern> {
    let mut concerns = Vec::new();
    for (host, entry) in &plan.hosts {
        let mut add = |subject, value: &String| {
            concerns.push(Concern {
                subject,
                host: Some(host.clone()),
                value: value.clone(),
            });
        };
        if let Some(command) = &entry.ssh.proxy_command {
            add(Subject::ProxyCommand, command);
        }
        if let Some(directory) = &entry.state_dir
            && !state_directory::is_usual(directory, &entry.ssh.user)
        {
            add(Subject::StateDirectory, directory);
        }
    }
    // The commands themselves are those of a file that whoever applies has, and checks. Which file that is must not be a plan's choice.
    let destination = plan.operation.destination.as_deref();
    let files = plan
        .secrets_files
        .iter()
        .filter(|file| file.sha256.is_some());
    let unusual = files.filter(|file| !is_usual(&file.path, destination));
    concerns.extend(unusual.map(|file| Concern {
        subject: Subject::Commands,
        host: None,
        value: format!("commands of the secrets file {}", file.path),
    }));
    let local = plan.steps.iter().filter(|step| step.host.is_none());
    let first = plan.pre_connect_step();
    let local = local.chain(&first).flat_map(unlisted);
    concerns.extend(local.map(|value| Concern {
        subject: Subject::Commands,
        host: None,
        value,
    }));
    concerns.sort();
    concerns.dedup();
    concerns
}

/// Returns the command lines of a local step that are not of the list.
fn unlisted(step: &Step) -> Vec<String> {
    let checks = match &step.check {
        Some(Check::Argv(argv)) => std::slice::from_ref(argv),
        Some(Check::Registry(commands)) => commands,
        Some(Check::Facts(_)) | None => &[],
    };
    let checks: Vec<Run> = checks
        .iter()
        .filter(|argv| !is_listed_argv(argv))
        .map(Run::literal)
        .collect();
    let actions = step.action.iter().chain(&step.cleanup);
    let runs = actions.filter_map(|action| match action {
        Action::Run(run) => Some(run),
        Action::Write(_)
        | Action::Upload(_)
        | Action::Poll(_)
        | Action::VerifyImage(_)
        | Action::Reach(_)
        | Action::Complete(_)
        | Action::Merge(_) => None,
    });
    runs.chain(&step.diagnose)
        .filter(|run| {
            !is_listed(run) && !is_program_of_repository(step, run) && !is_hook(step, run)
        })
        .chain(&checks)
        .map(text::command)
        .collect()
}

/// Returns whether a broadcast runs a file of the repository that the plan knows by its hash, with a line of text and nothing else:
/// other arguments could make any program of the repository, such as one that runs what it is given, do anything.
fn is_program_of_repository(step: &Step, run: &Run) -> bool {
    let is_line = match run.argv.as_slice() {
        [_, Arg::Literal(line)] => line.chars().all(is_of_line),
        _ => false,
    };
    step.kind == StepKind::Broadcast
        && is_line
        && run.program_sha256.is_some()
        && run.secrets().next().is_none()
        && run
            .program()
            .is_some_and(|program| program.contains('/') && is_below_root(program))
}

/// Returns whether a hook runs that the plan knows by its hash, from where hooks are, without arguments and with nothing in its
/// variables that a shell could take for more than a text.
fn is_hook(step: &Step, run: &Run) -> bool {
    let is_plain = |value: &Variable| match value {
        Variable::Literal(text) => text.chars().all(is_of_line),
        Variable::FromRun(_) => true,
    };
    step.kind.is_hook()
        && run.argv.len() == 1
        && run.program_sha256.is_some()
        && run.stdin.is_none()
        && run.env.iter().all(SecretVariable::is_plain)
        && run.variables.values().all(is_plain)
        && run
            .program()
            .is_some_and(|program| hook::is_in_usual_place(program) && is_below_root(program))
}

/// Returns whether a character has no meaning for a shell, in the middle of a line.
fn is_of_line(c: char) -> bool {
    c.is_ascii_alphanumeric() || " .,:_-/@[]".contains(c)
}

/// Returns what a step would build that is not the source of the plan, which is checked before it is built.
pub(super) fn builds_elsewhere(step: &Step, source: Option<&Source>) -> Option<String> {
    let plain = |path: &str| path.strip_prefix("./").unwrap_or(path).to_owned();
    let planned = source.map(|source| [plain(&source.dockerfile), plain(&source.context)]);
    let runs = step.action.iter().filter_map(|action| match action {
        Action::Run(run) if step.host.is_none() => Some(run),
        _ => None,
    });
    let mut builds = runs.filter_map(|run| match run.argv.as_slice() {
        [
            ..,
            Arg::Literal(option),
            Arg::Literal(file),
            Arg::Literal(context),
        ] if option == "--file" => Some([plain(file), plain(context)]),
        _ => None,
    });
    let [file, context] = builds.find(|built| planned.as_ref() != Some(built))?;
    Some(format!(
        "builds {} with {}, which is not the planned source",
        text::quote(&context),
        text::quote(&file)
    ))
}

/// Returns what a step would do on the machine that applies the plan although no plan may, not even an approved one.
pub(super) fn impossible(step: &Step) -> Option<String> {
    for action in step.action.iter().chain(&step.cleanup) {
        if let Action::Run(run) = action
            && let Some(problem) = unlike_hook(step, run)
        {
            return Some(problem);
        }
        if let Action::Run(run) = action
            && let Some(variable) = run.env.iter().find(|one| is_read_at_start(&one.name))
        {
            return Some(format!(
                "exports {}, which changes what its command does",
                variable.name
            ));
        }
        let problem = match action {
            Action::Run(run) if step.host.is_none() && !run.env_file.is_empty() => {
                "passes a file of secrets to a command of this machine".to_owned()
            }
            Action::Run(run) if run.stdin.is_some() && !run.env_file.is_empty() => {
                "has two standard inputs".to_owned()
            }
            Action::Run(run) if !run_is_possible(run) => {
                "passes a variable of this machine to a command that is not a login".to_owned()
            }
            Action::Upload(upload) if !is_below_root(&upload.source) => {
                format!(
                    "reads {}, which is not below the repository",
                    text::quote(&upload.source)
                )
            }
            Action::Write(_)
            | Action::Upload(_)
            | Action::Poll(_)
            | Action::VerifyImage(_)
            | Action::Reach(_)
            | Action::Complete(_)
            | Action::Merge(_)
                if step.host.is_none() =>
            {
                "does something on this machine that is not a command".to_owned()
            }
            _ => continue,
        };
        return Some(problem);
    }
    step.diagnose
        .iter()
        .any(|run| !run_is_possible(run))
        .then(|| "passes a variable of this machine to a command that is not a login".to_owned())
}

/// Returns what a run has that only hooks have, or that hooks have not.
fn unlike_hook(step: &Step, run: &Run) -> Option<String> {
    let is_hook = step.host.is_none() && step.kind.is_hook();
    let is_plain = run.variables.is_empty() && run.directory.is_none();
    if !(is_hook || is_plain) {
        return Some("sets variables or a directory for a command that is not a hook".to_owned());
    }
    if let Some(directory) = run.directory.as_ref().filter(|path| !is_below_root(path)) {
        return Some(format!(
            "runs in {}, which is not below the repository",
            text::quote(directory)
        ));
    }
    if is_hook && run.program_sha256.is_none() {
        return Some("runs a hook whose hash it does not name".to_owned());
    }
    run.variables
        .keys()
        .find_map(|name| hook::problem_of_variable(name))
}

/// A user name that is given by name is the only argument that comes from the environment.
fn run_is_possible(run: &Run) -> bool {
    // On a host the login may be one that is kept.
    let is_login = || is_listed(&run.clone().with_own_config(OwnConfig::Temporary));
    run.argv.iter().all(|arg| !matches!(arg, Arg::FromEnv(_)))
        || (run.own_config.is_some() && is_login())
}

/// Returns whether `path` leads from the repository's root to a file below it, links aside.
pub fn is_below_root(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains('\0')
        && path.split('/').all(|part| part != "..")
}
