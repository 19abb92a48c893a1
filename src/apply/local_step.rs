//! Steps that run on the machine that applies the plan.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::preflight;
use crate::action::{Action, Arg, FromRun, Run, Variable};
use crate::digest;
use crate::docker::image;
use crate::name::SecretVariable;
use crate::plan::kinds::Handling;
use crate::plan::pushed::is_push;
use crate::plan::resume::Answer;
use crate::plan::{Check, Step};
use crate::record::Ending;
use crate::redaction::Redactor;
use crate::secret::Secrets;
use crate::transport::docker_config::DockerConfig;
use crate::transport::local::{self, LocalCommand, LocalOutcome, Stopped};

/// How long a check may take.
const CHECK_LIMIT: Duration = Duration::from_secs(60);

/// The most that is kept of what a step prints, in bytes: a digest stands at the end of it.
const MAX_STDOUT: usize = 1 << 20;

/// What a local step needs.
pub struct Work {
    /// The step.
    pub step: Step,
    /// Where it runs.
    pub root: PathBuf,
    /// Secrets by name.
    pub secrets: Secrets,
    /// What redacts what it prints.
    pub redactor: Redactor,
    /// Values of arguments that are given by name.
    pub variables: BTreeMap<String, String>,
    /// Docker's configuration for commands that need a login.
    pub docker_config: Option<Arc<DockerConfig>>,
    /// Who applies the plan: put before the message of a broadcast, and told to hooks.
    pub who: String,
    /// How long the run lasts already.
    pub runtime: Duration,
}

/// How a local step ended.
#[derive(Debug, Clone)]
pub struct End {
    /// How.
    pub ending: Ending,
    /// What it found out: for a push the registry digest.
    pub value: Option<String>,
    /// The end of what it printed.
    pub tail: String,
}

/// Runs the commands of a step in their order until one fails, or the step is `stopped`.
pub async fn run(work: &Work, mut stopped: Stopped, mut on_output: impl FnMut(&str) + Send) -> End {
    let redactor = &work.redactor;
    let mut value = None;
    let failed = |ending: Ending, tail: String| End {
        ending,
        value: None,
        tail,
    };
    for action in &work.step.action {
        let Action::Run(run) = action else {
            let problem = "only commands can run on this machine";
            return failed(Ending::Failed { code: 1 }, problem.into());
        };
        if let (Some(program), Some(sha256)) = (run.program(), &run.program_sha256)
            && let Err(problem) = preflight::read(&work.root, program, sha256)
        {
            return failed(
                Ending::Failed { code: 126 },
                format!("{program}: {problem}"),
            );
        }
        let command = command(work, run);
        let tell = |line: &str| on_output(&redactor.redact(line));
        let outcome = local::run_until(&command, &mut stopped, tell).await;
        match outcome {
            Err(error) => {
                let program = command.argv.first().map_or("", String::as_str);
                return failed(Ending::Failed { code: 127 }, format!("{program}: {error}"));
            }
            Ok(outcome) if outcome.ending != Ending::Succeeded => {
                return failed(outcome.ending, redactor.redact(&outcome.tail));
            }
            Ok(outcome) if work.step.kind.handling() == Handling::RecordDigest => {
                value = value
                    .or_else(|| digest::find(&outcome.stdout).map(str::to_owned))
                    .or_else(|| pushed_by_buildkit(&outcome.tail).map(str::to_owned));
            }
            Ok(_) => {}
        }
    }
    End {
        ending: Ending::Succeeded,
        value,
        tail: String::new(),
    }
}

fn command(work: &Work, run: &Run) -> LocalCommand {
    let argv = run.argv.iter().map(|arg| match arg {
        Arg::Literal(text) => text.clone(),
        Arg::FromEnv(name) => work.variables.get(name).cloned().unwrap_or_default(),
        Arg::Pushed(image) => image.named(None),
    });
    let mut argv: Vec<String> = argv.collect();
    if let (Handling::NameRunner, Some(line)) = (work.step.kind.handling(), argv.last_mut()) {
        line.insert_str(0, &format!("[{}] ", work.who));
    }
    let secret = |variable: &SecretVariable| {
        let value = work.secrets.get(&variable.secret)?;
        Some((variable.name.clone(), value.clone()))
    };
    let stdin = run.stdin.as_ref();
    let seconds = |seconds: u32| (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    let own_config = match run.own_config {
        Some(_) => variables(work.docker_config.as_deref()),
        None => Vec::new(),
    };
    let directory = run.directory.as_ref().map(|path| work.root.join(path));
    if let (Some(_), Some(program)) = (&directory, argv.first_mut()) {
        *program = work.root.join(&*program).to_string_lossy().into_owned();
    }
    let set = run.variables.iter();
    let set = set.map(|(name, variable)| (name.clone(), value(work, variable).into()));
    LocalCommand {
        argv,
        secrets: run.env.iter().filter_map(secret).collect(),
        variables: own_config.into_iter().chain(set).collect(),
        stdin: stdin.and_then(|name| work.secrets.get(name).cloned()),
        directory: Some(directory.unwrap_or_else(|| work.root.clone())),
        timeout: seconds(work.step.timeout_seconds),
        idle_timeout: seconds(work.step.idle_timeout_seconds),
        stdout_limit: Some(MAX_STDOUT),
    }
}

/// Returns the value of a variable that the plan sets.
fn value(work: &Work, variable: &Variable) -> String {
    match variable {
        Variable::Literal(text) => text.clone(),
        Variable::FromRun(FromRun::Time) => {
            let now = jiff::Timestamp::now();
            now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        }
        Variable::FromRun(FromRun::Performer) => work.who.clone(),
        Variable::FromRun(FromRun::Runtime) => work.runtime.as_secs().to_string(),
    }
}

fn variables(config: Option<&DockerConfig>) -> Vec<(String, OsString)> {
    config.map_or_else(Vec::new, |config| config.variables().to_vec())
}

/// Where checks run.
pub struct Place {
    /// Their directory.
    pub root: PathBuf,
    /// Docker's configuration, if the run has one of its own.
    pub docker_config: Option<Arc<DockerConfig>>,
}

/// Asks whether the effect of a local step is there, and what it found out.
pub async fn check(step: &Step, place: &Place) -> (Answer, Option<String>) {
    match &step.check {
        Some(Check::Argv(argv)) if is_push(step) => {
            ask_registry(argv, place, |text| is_missing(text) || differs(text)).await
        }
        Some(Check::Argv(argv)) => {
            let outcome = run_check(argv, place).await;
            let answer = match outcome.map(|outcome| outcome.ending) {
                Some(Ending::Succeeded) => Answer::Yes,
                Some(Ending::Failed { code: 1 }) => Answer::No,
                _ => Answer::CannotSay,
            };
            (answer, None)
        }
        Some(Check::Registry(commands)) => {
            for argv in commands {
                let (answer, digest) = ask_registry(argv, place, is_missing).await;
                if answer != Answer::CannotSay {
                    return (answer, digest);
                }
            }
            (Answer::CannotSay, None)
        }
        Some(Check::Facts(_)) | None => (Answer::CannotSay, None),
    }
}

async fn run_check(argv: &[String], place: &Place) -> Option<LocalOutcome> {
    let command = LocalCommand {
        argv: argv.to_vec(),
        variables: variables(place.docker_config.as_deref()),
        directory: Some(place.root.clone()),
        timeout: Some(CHECK_LIMIT),
        ..LocalCommand::default()
    };
    local::run(&command, |_| {}).await.ok()
}

/// Asks what the registry has. A registry that does not answer, and one that refuses, say neither yes nor no.
async fn ask_registry(
    argv: &[String],
    place: &Place,
    says_no: fn(&str) -> bool,
) -> (Answer, Option<String>) {
    let Some(outcome) = run_check(argv, place).await else {
        return (Answer::CannotSay, None);
    };
    match outcome.ending {
        Ending::Succeeded => match registry_digest(&outcome.stdout) {
            Some(digest) => (Answer::Yes, Some(digest)),
            None => (Answer::CannotSay, None),
        },
        Ending::Failed { .. } if says_no(&outcome.tail) => (Answer::No, None),
        _ => (Answer::CannotSay, None),
    }
}

/// Returns the digest in a registry's answer. A manifest list of `docker manifest inspect` names those of its parts, and not its own.
fn registry_digest(answer: &str) -> Option<String> {
    match answer.trim_start().starts_with(['{', '[']) {
        true => image::digest_of_manifest(answer),
        false => digest::find(answer).map(str::to_owned),
    }
}

/// Returns whether docker says that the registry does not have the image. That an engine has no such image says nothing about it.
fn is_missing(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        line.starts_with("no such manifest: ")
            || line.contains("manifest unknown")
            || (line.starts_with("ERROR: ") && line.ends_with(": not found"))
    })
}

/// Returns whether the check's template failed on purpose: the image was built from another source.
fn differs(text: &str) -> bool {
    text.contains("error calling index")
}

/// Finds the digest in BuildKit's `pushing manifest for REFERENCE@sha256:…`, which it prints with its progress.
fn pushed_by_buildkit(text: &str) -> Option<&str> {
    text.lines()
        .filter_map(|line| line.split_once("pushing manifest for "))
        .find_map(|(_, reference)| digest::find(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_clear_answer_of_the_registry_counts() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let one = format!(r#"{{"Ref": "r:1", "Descriptor": {{"digest": "{digest}"}}}}"#);
        let list = format!("[{one}]");
        let said = |text: &str, code: u8| {
            let script = format!("printf '%s\\n' '{text}'; exit {code}");
            vec!["sh".to_owned(), "-c".to_owned(), script]
        };
        let place = Place {
            root: "/".into(),
            docker_config: None,
        };
        let yes = (Answer::Yes, Some(digest.clone()));
        let no = (Answer::No, None);
        let none = (Answer::CannotSay, None);
        for (command, expected) in [
            (said(&one, 0), &yes),
            (said(&list, 0), &none),
            (said(&digest, 0), &yes),
            (said("", 0), &none),
            (said("no such manifest: r.example/app:1", 1), &no),
            (said("ERROR: r.example/app:1: not found", 1), &no),
            (said("template: :1:5: error calling index: x", 1), &no),
            (said("Error: No such image: app:1", 1), &none),
            (
                said("error getting credentials - executable file not found", 1),
                &none,
            ),
            (
                said("Get https://r.example/v2/: dial tcp: connection refused", 1),
                &none,
            ),
            (said("unauthorized: authentication required", 1), &none),
        ] {
            let no = |text: &str| is_missing(text) || differs(text);
            let answer = ask_registry(&command, &place, no).await;
            assert_eq!(&answer, expected, "{command:?}");
        }
    }

    #[test]
    fn the_digest_of_a_push_is_found_in_its_output() {
        let digits = "0123456789abcdef".repeat(4);
        let output = format!("abc: Pushed\nv1: digest: sha256:{digits} size: 528\n");
        let digest = format!("sha256:{digits}");
        assert_eq!(digest::find(&output), Some(digest.as_str()));
        let other = "f".repeat(64);
        let output = format!(
            "#9 exporting config sha256:{other} done\n#9 pushing manifest for r.example/hey:v1@sha256:{digits} 0.2s done\n"
        );
        assert_eq!(pushed_by_buildkit(&output), Some(digest.as_str()));
        assert_eq!(pushed_by_buildkit(&format!("#9 sha256:{other}")), None);
    }
}
