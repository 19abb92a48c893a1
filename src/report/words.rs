//! The closed enums of a run in plain words.

use crate::action::Action;
use crate::apply::state::{Phase, SkipReason, StepStatus, StopReason};
use crate::plan::predicate::{Op, Predicate};
use crate::plan::{OperationKind, Plan, Step};
use crate::record::{Ending, LockDetails};
use crate::text::{command_line, count, list_up_to, one_line};

/// How the machine that applies the plan is named.
pub(super) const LOCAL: &str = "local";

/// Returns how an attempt at `step` ended.
pub(super) fn ending(step: Option<&Step>, ending: Ending) -> String {
    match ending {
        Ending::Succeeded => "succeeded".into(),
        Ending::Failed { code } => failed(step, code),
        Ending::TimedOut => match step {
            Some(step) if step.timeout_seconds > 0 => {
                format!("timed out: it may take {} s", step.timeout_seconds)
            }
            Some(step) if step.idle_timeout_seconds > 0 => format!(
                "timed out: it may be silent for {} s",
                step.idle_timeout_seconds
            ),
            _ => "timed out".into(),
        },
        Ending::Refused => "refused: another run has taken over".into(),
    }
}

fn failed(step: Option<&Step>, code: i32) -> String {
    let polls = step.into_iter().flat_map(|step| &step.action);
    let attempts = match polls.clone().last() {
        Some(Action::Poll(poll)) => Some(poll.attempts),
        _ => None,
    };
    let runs = polls.clone().any(|part| matches!(part, Action::Run(_)));
    let writes = polls
        .into_iter()
        .any(|part| matches!(part, Action::Write(_)));
    match (attempts, code) {
        (Some(attempts), 1) if !runs && writes => {
            format!("could not write, or gave up ({attempts} attempts at most)")
        }
        (Some(attempts), 1) if !runs => format!("gave up ({attempts} attempts at most)"),
        (_, 126) => "exit status 126 (cannot be executed)".into(),
        (_, 127) => "exit status 127 (command not found)".into(),
        (_, 137) => "exit status 137 (killed)".into(),
        (_, code) => format!("exit status {code}"),
    }
}

/// Returns where a step stands.
pub(super) fn status(step: Option<&Step>, status: &StepStatus) -> String {
    match status {
        StepStatus::Open => "not ended".into(),
        StepStatus::Succeeded => "done".into(),
        StepStatus::AlreadyDone => "already done".into(),
        StepStatus::Failed { ending: how } => format!("failed: {}", ending(step, *how)),
        StepStatus::Tolerated { ending: Some(how) } => {
            format!("failed, which is tolerated: {}", ending(step, *how))
        }
        StepStatus::Tolerated { ending: None } => "failed earlier, which is tolerated".into(),
        StepStatus::Skipped { reason } => format!("skipped: {}", skip(*reason)),
        StepStatus::InDoubt => "in doubt: nobody can say whether it was done".into(),
        StepStatus::Lost => "lost: its host went away while it ran".into(),
    }
}

fn skip(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Blocked => "something that it needs did not succeed",
        SkipReason::Stopping => "the run was stopping",
        SkipReason::HostFailed => "another step failed on its host",
        SkipReason::HostGone => "its host is away",
    }
}

/// Returns how far the run has come.
pub(super) fn phase(plan: &Plan, phase: Phase) -> String {
    match phase {
        Phase::Locking => format!(
            "taking the deploy lock on {}",
            one_line(plan.lock_host.as_str())
        ),
        Phase::Inspecting => format!("looking at {}", hosts(plan.hosts.len())),
        Phase::Fencing => "claiming the hosts for this run".into(),
        Phase::Judging => "finding out what is left to do".into(),
        Phase::Walking => "running steps".into(),
        Phase::Finishing => "writing down that the plan is finished".into(),
        Phase::Releasing => "releasing the deploy lock".into(),
        Phase::Exited => "over".into(),
    }
}

fn hosts(number: usize) -> String {
    count(number, "host")
}

/// Returns why nothing further is begun.
pub(super) fn stop(reason: &StopReason) -> String {
    let why = match reason {
        StopReason::Failure { step } => format!("{} failed", one_line(step.as_str())),
        StopReason::HostGone { host } => format!("{} is away", one_line(host.as_str())),
        StopReason::JournalFailed { message } => {
            format!("the journal cannot be written: {}", one_line(message))
        }
        StopReason::Interrupted => {
            return "stopping: interrupted; what runs is finished, a second Ctrl-C leaves at once"
                .into();
        }
        StopReason::LockHostGone => "the host that holds the deploy lock is away".into(),
        StopReason::LockLost => "another run has taken over".into(),
    };
    format!("stopping: {why}")
}

/// Returns who holds a lock, in one line.
pub(super) fn holder(details: &LockDetails) -> String {
    format!(
        "{}, since {}, version {}: {}",
        or_unknown(&details.locked_by),
        or_unknown(&details.at),
        or_unknown(&details.version),
        or_unknown(&details.message)
    )
}

fn or_unknown(text: &str) -> String {
    match text {
        "" => "unknown".into(),
        text => one_line(text),
    }
}

/// Returns a predicate as `FACT is VALUE`.
pub(super) fn predicate(predicate: &Predicate) -> String {
    let fact = one_line(&predicate.fact);
    let value = predicate
        .value
        .as_ref()
        .map_or(String::new(), |value| one_line(&value.to_string()));
    match predicate.op {
        Op::Eq => format!("{fact} is {value}"),
        Op::Absent => format!("{fact} is absent"),
        Op::Contains => format!("{fact} contains {value}"),
    }
}

/// Returns the command that makes the plan anew from what is so now.
pub(super) fn replan(plan: &Plan) -> String {
    let operation = &plan.operation;
    let mut arguments = vec!["mrsk".to_owned(), "plan".into()];
    arguments.extend(operation.name().split(' ').map(str::to_owned));
    match &operation.kind {
        OperationKind::Deploy(release)
        | OperationKind::Redeploy(release)
        | OperationKind::Setup(release) => {
            if release.skip_push {
                arguments.extend(["--version".into(), release.version.clone()]);
                arguments.push("--skip-push".into());
            }
        }
        OperationKind::AccessoryBoot(accessories) => arguments.extend(accessories.names()),
        OperationKind::Unknown(_) => {}
    }
    if let Some(destination) = &operation.destination {
        arguments.extend(["--destination".into(), destination.clone()]);
    }
    if !operation.hosts.is_empty() {
        let hosts: Vec<&str> = operation.hosts.iter().map(AsRef::as_ref).collect();
        arguments.extend(["--hosts".into(), hosts.join(",")]);
    }
    if !operation.roles.is_empty() {
        let roles: Vec<&str> = operation.roles.iter().map(AsRef::as_ref).collect();
        arguments.extend(["--roles".into(), roles.join(",")]);
    }
    command_line(&arguments)
}

/// Returns a command of `mrsk` about the plan's service and destination.
pub(super) fn mrsk(plan: &Plan, command: &[&str]) -> String {
    let mut arguments = vec!["mrsk"];
    arguments.extend(command);
    if let Some(destination) = &plan.operation.destination {
        arguments.extend(["--destination", destination.as_str()]);
    }
    command_line(&arguments)
}

/// Returns who holds a lock that is waited for, in one line.
pub(super) fn waited_for(text: &str) -> String {
    let details = LockDetails::parse(text);
    match details.locked_by.is_empty() {
        true => one_line(&text.lines().collect::<Vec<_>>().join(", ")),
        false => holder(&details),
    }
}

/// Returns names of hosts as a short list.
pub(super) fn host_list<S: AsRef<str>>(hosts: &[S]) -> String {
    list_up_to(8, hosts)
}
