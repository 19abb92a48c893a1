//! The closed enums of a run in plain words.

use super::view::View;
use crate::action::Action;
use crate::apply::state::{GoneReason, Phase, SkipReason, StepStatus, StopReason};
use crate::plan::{Broadcasts, HookRuns, OperationKind, Orphans, Plan, ReleaseRuns, Step};
use crate::record::{Ending, LockDetails, StopRequest};
use crate::text::{command_line, count, one_line, quote};

/// Returns how an attempt at `step` ended.
pub(super) fn ending(step: Option<&Step>, ending: Ending) -> String {
    match ending {
        Ending::Succeeded => "succeeded".into(),
        Ending::Failed { code } => failed(step, code),
        Ending::TimedOut => match step {
            Some(step) if step.timeout_seconds > 0 => {
                format!("timed out: limit {} s", step.timeout_seconds)
            }
            Some(step) if step.idle_timeout_seconds > 0 => {
                format!("timed out: no output for {} s", step.idle_timeout_seconds)
            }
            _ => "timed out".into(),
        },
        Ending::Refused => "refused: another run has taken over".into(),
        Ending::Superseded => "ended by a run of another plan".into(),
        Ending::Uncleaned { code } => {
            let how = failed(step, code);
            format!("{how}; cleanup skipped: another plan has begun on its host")
        }
        Ending::Stopped => "stopped: its run was interrupted".into(),
    }
}

fn failed(step: Option<&Step>, code: i32) -> String {
    let parts = step.into_iter().flat_map(|step| &step.action);
    let limit = match parts.clone().last() {
        Some(Action::Poll(poll)) => Some(count(poll.attempts as usize, "attempt")),
        _ => None,
    };
    let runs = parts.clone().any(|part| matches!(part, Action::Run(_)));
    let writes = parts
        .into_iter()
        .any(|part| matches!(part, Action::Write(_)));
    let asks = step.is_some_and(Step::asks_as_users);
    match (limit, code) {
        (_, 1) if !runs && asks && writes => "gave up, or could not write the file".into(),
        (_, 1) if !runs && asks => "gave up".into(),
        (Some(limit), 1) if !runs && writes => {
            format!("gave up (limit {limit}), or could not write the file")
        }
        (Some(limit), 1) if !runs => format!("gave up (limit {limit})"),
        (_, 126) => "exit status 126 (not executable)".into(),
        (_, 127) => "exit status 127 (command not found)".into(),
        (_, 137) => "exit status 137 (killed)".into(),
        (_, code) => format!("exit status {code}"),
    }
}

/// Returns what a poll saw last, with curl's most frequent errors in a word.
pub(super) fn seen(status: &str) -> String {
    const ERRORS: [(&str, &str); 4] = [
        ("curl: (7)", "refused"),
        ("curl: (28)", "timed out"),
        ("curl: (52)", "empty reply"),
        ("curl: (56)", "connection reset"),
    ];
    let known = ERRORS.iter().find(|(error, _)| status.contains(error));
    known.map_or_else(|| one_line(status), |(_, word)| (*word).to_owned())
}

/// Returns the status of a step.
pub(super) fn status(step: Option<&Step>, status: &StepStatus) -> String {
    match status {
        StepStatus::Open => "not finished".into(),
        StepStatus::Succeeded => "done".into(),
        StepStatus::AlreadyDone => "already done".into(),
        StepStatus::Failed { ending: how } => format!("failed: {}", ending(step, *how)),
        StepStatus::Tolerated { ending: Some(how) } => {
            format!("failed (tolerated): {}", ending(step, *how))
        }
        StepStatus::Tolerated { ending: None } => "failed earlier (tolerated)".into(),
        StepStatus::Skipped { reason } => format!("skipped: {}", skip(*reason)),
        StepStatus::InDoubt => "in doubt: cannot tell whether it took effect".into(),
        StepStatus::Lost => "lost: its host was given up while it ran".into(),
        StepStatus::Stopped => "stopped: the run was interrupted".into(),
    }
}

/// Returns why a host was given up.
pub(super) fn gone(reason: GoneReason) -> &'static str {
    match reason {
        GoneReason::Unreachable => "unreachable",
        GoneReason::Failed => "failed",
    }
}

fn skip(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Blocked => "a dependency failed",
        SkipReason::Stopping => "the run is stopping",
        SkipReason::HostFailed => "another step failed on its host",
        SkipReason::HostGone => "its host was given up",
    }
}

/// Returns the phase of a run; `None` for its end, and where each step that is seen has a line.
pub(super) fn phase(plan: &Plan, phase: Phase) -> Option<String> {
    Some(match phase {
        Phase::Locking => format!(
            "taking the deploy lock on {}",
            one_line(plan.lock_host.as_str())
        ),
        Phase::Settling | Phase::Exited => return None,
        Phase::Inspecting => format!("inspecting {}", count(plan.hosts.len(), "host")),
        Phase::Reading => "reading secrets from their commands".into(),
        Phase::Fencing => "reserving hosts".into(),
        Phase::Judging => "checking finished steps".into(),
        Phase::Walking => format!("running {}", count(plan.steps.len(), "step")),
        Phase::Finishing => "recording completion".into(),
        Phase::Releasing => "releasing the deploy lock".into(),
    })
}

/// Returns why no further steps start.
pub(super) fn stop(view: &View, reason: &StopReason) -> String {
    let why = match reason {
        StopReason::Failure(step) => format!("{} failed", view.named(step)),
        StopReason::HostGone(host) => format!("{} was given up", one_line(host.as_str())),
        StopReason::JournalFailed(message) => {
            format!("cannot write the journal: {}", one_line(message))
        }
        StopReason::Interrupted => {
            "interrupted; ending waits, finishing begun switches; Ctrl-C again to quit now".into()
        }
        StopReason::Requested(request) => {
            format!(
                "{}; ending waits, finishing begun switches",
                stop_request(request)
            )
        }
        StopReason::LockHostGone => "the lock host was given up".into(),
        StopReason::LockLost => "another run has taken over".into(),
        StopReason::LockReleased(person) => {
            format!("{} released the deploy lock", one_line(person))
        }
    };
    format!("stopping: {why}")
}

/// Returns who asks a run to stop, and why, in one line.
pub(super) fn stop_request(request: &StopRequest) -> String {
    format!(
        "{} asked this run to stop: {}",
        or_unknown(&request.person),
        or_unknown(&request.message)
    )
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

/// Returns the command that plans the same operation again.
pub(super) fn replan(plan: &Plan) -> String {
    let operation = &plan.operation;
    let mut arguments = vec!["plan".to_owned()];
    // An undo is planned only with what it undoes.
    if let OperationKind::Undo(undo) = &operation.kind {
        arguments.push("rollback".to_owned());
        arguments.extend(undo.version.clone());
        return mrsk(plan, &arguments) + &selection(plan);
    }
    arguments.extend(operation.name().split(' ').map(str::to_owned));
    match &operation.kind {
        OperationKind::Deploy(release)
        | OperationKind::Redeploy(release)
        | OperationKind::Setup(release) => {
            if release.skip_push {
                arguments.extend(["--version".into(), release.version.clone()]);
                arguments.push("--skip-push".into());
            }
            if release.no_cache {
                arguments.push("--no-cache".into());
            }
        }
        OperationKind::Host(_) => {
            let hosts = operation.hosts.iter();
            arguments.extend(hosts.map(|host| host.to_string()));
            return mrsk(plan, &arguments);
        }
        kind => arguments.extend(kind.arguments()),
    }
    arguments.extend(operation.break_glass.options());
    let removes = operation.orphans == Orphans::Removed;
    arguments.extend(removes.then(|| "--remove-orphans".to_owned()));
    let again = operation.release_runs == ReleaseRuns::Again;
    arguments.extend(again.then(|| "--release".to_owned()));
    let skipped = operation.hooks == HookRuns::Skipped;
    arguments.extend(skipped.then(|| "--skip-hooks".to_owned()));
    let silent = operation.broadcasts == Broadcasts::Skipped;
    arguments.extend(silent.then(|| "--skip-broadcast".to_owned()));
    mrsk(plan, &arguments) + &selection(plan)
}

/// Returns the command that deploys `version` again to what the plan is about.
pub(super) fn go_back(plan: &Plan, version: &str, options: &[&str]) -> String {
    let mut arguments = vec!["deploy", "--version", version, "--skip-push"];
    arguments.extend(options);
    mrsk(plan, &arguments) + &selection(plan)
}

/// Returns the options that limit the plan to hosts and roles.
fn selection(plan: &Plan) -> String {
    let operation = &plan.operation;
    let mut options = String::new();
    if !operation.hosts.is_empty() {
        let hosts: Vec<&str> = operation.hosts.iter().map(AsRef::as_ref).collect();
        options += &format!(" --hosts {}", quote(&hosts.join(",")));
    }
    if !operation.roles.is_empty() {
        let roles: Vec<&str> = operation.roles.iter().map(AsRef::as_ref).collect();
        options += &format!(" --roles {}", quote(&roles.join(",")));
    }
    options
}

/// Returns a command of `mrsk` about the plan's service and destination.
pub(super) fn mrsk<S: AsRef<str>>(plan: &Plan, command: &[S]) -> String {
    let mut arguments = vec!["mrsk"];
    arguments.extend(command.iter().map(AsRef::as_ref));
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
