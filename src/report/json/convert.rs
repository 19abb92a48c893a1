//! From the types of a run to those of the stream: exhaustive, so that a new variant does not compile until it has its place there.

use super::stream::{self, Details, HostTotals, LockHolder, StreamEvent, UnreachableHost};
use crate::apply::state::{HostSummary, Outcome, Phase, SkipReason, StepStatus, StopReason};
use crate::name::StepId;
use crate::record::{Ending, LockDetails};

impl From<Phase> for stream::Phase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Locking => Self::Locking,
            Phase::Inspecting => Self::Inspecting,
            Phase::Fencing => Self::Reserving,
            Phase::Judging => Self::Checking,
            Phase::Walking => Self::Running,
            Phase::Finishing => Self::Recording,
            Phase::Releasing => Self::Releasing,
            Phase::Exited => Self::Exiting,
        }
    }
}

impl From<SkipReason> for stream::SkipReason {
    fn from(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Blocked => Self::DependencyFailed,
            SkipReason::Stopping => Self::Stopping,
            SkipReason::HostFailed => Self::HostFailed,
            SkipReason::HostGone => Self::HostGone,
        }
    }
}

/// Returns how an attempt ended, and the exit status of what failed.
pub(super) fn ending(ending: Ending) -> (stream::Ending, Option<i32>) {
    match ending {
        Ending::Succeeded => (stream::Ending::Succeeded, None),
        Ending::Failed { code } => (stream::Ending::Failed, Some(code)),
        Ending::TimedOut => (stream::Ending::TimedOut, None),
        Ending::Refused => (stream::Ending::Refused, None),
    }
}

pub(super) fn status(status: &StepStatus) -> stream::Status {
    match status {
        StepStatus::Open => stream::Status::Open,
        StepStatus::Succeeded => stream::Status::Succeeded,
        StepStatus::AlreadyDone => stream::Status::AlreadyDone,
        StepStatus::Failed { .. } => stream::Status::Failed,
        StepStatus::Tolerated { .. } => stream::Status::Tolerated,
        StepStatus::Skipped { .. } => stream::Status::Skipped,
        StepStatus::InDoubt => stream::Status::InDoubt,
        StepStatus::Lost => stream::Status::Lost,
    }
}

pub(super) fn stop_reason(at_ms: u64, why: &StopReason) -> StreamEvent {
    let (mut step, mut host, mut message) = (None, None, None);
    let reason = match why {
        StopReason::Failure { step: failed } => {
            step = Some(failed.to_string());
            stream::StopReason::Failure
        }
        StopReason::HostGone { host: gone } => {
            host = Some(gone.to_string());
            stream::StopReason::HostGone
        }
        StopReason::JournalFailed { message: error } => {
            message = Some(error.clone());
            stream::StopReason::JournalFailed
        }
        StopReason::Interrupted => stream::StopReason::Interrupted,
        StopReason::LockHostGone => stream::StopReason::LockHostGone,
        StopReason::LockLost => stream::StopReason::LockLost,
    };
    StreamEvent::Stopping {
        at_ms,
        reason,
        step,
        host,
        message,
    }
}

pub(super) fn outcome(outcome: &Outcome) -> stream::Outcome {
    match outcome {
        Outcome::Done => stream::Outcome::Done,
        Outcome::AlreadyApplied => stream::Outcome::AlreadyApplied,
        Outcome::Failed { .. } => stream::Outcome::Failed,
        Outcome::Stale { .. } => stream::Outcome::Stale,
        Outcome::Superseded { .. } => stream::Outcome::Superseded,
        Outcome::LockHeld { .. } => stream::Outcome::LockHeld,
        Outcome::LockForeign { .. } => stream::Outcome::LockForeign,
        Outcome::InDoubt { .. } => stream::Outcome::InDoubt,
        Outcome::Unreachable { .. } => stream::Outcome::Unreachable,
        Outcome::Interrupted { .. } => stream::Outcome::Interrupted,
        Outcome::JournalFailed { .. } => stream::Outcome::JournalFailed,
        Outcome::LockLost => stream::Outcome::LockLost,
    }
}

pub(super) fn details(outcome: &Outcome) -> Details {
    let ids = |steps: &[StepId]| steps.iter().map(StepId::to_string).collect();
    let none = Details::default();
    match outcome {
        Outcome::Done | Outcome::AlreadyApplied | Outcome::LockLost => none,
        Outcome::Failed { steps }
        | Outcome::InDoubt { steps }
        | Outcome::Interrupted { in_doubt: steps } => Details {
            steps: ids(steps),
            ..none
        },
        Outcome::Stale {
            host,
            fact,
            then,
            now,
        } => Details {
            host: Some(host.to_string()),
            fact: Some(fact.clone()),
            planned: Some(then.clone()),
            now: Some(now.clone()),
            ..none
        },
        Outcome::Superseded { host, plan } => Details {
            host: Some(host.to_string()),
            superseded_by: plan.as_ref().map(ToString::to_string),
            ..none
        },
        Outcome::LockHeld { details, beat_age } => Details {
            holder: Some(lock_holder(details)),
            heartbeat_age_seconds: Some(*beat_age),
            ..none
        },
        Outcome::LockForeign { text } => Details {
            lock_text: Some(text.clone()),
            ..none
        },
        Outcome::Unreachable { hosts } => Details {
            unreachable: hosts
                .iter()
                .map(|(host, message)| UnreachableHost {
                    host: host.to_string(),
                    message: message.clone(),
                })
                .collect(),
            ..none
        },
        Outcome::JournalFailed { message } => Details {
            message: Some(message.clone()),
            ..none
        },
    }
}

pub(super) fn lock_holder(details: &LockDetails) -> LockHolder {
    LockHolder {
        locked_by: details.locked_by.clone(),
        at: details.at.clone(),
        version: details.version.clone(),
        message: details.message.clone(),
        run: details.run.as_ref().map(ToString::to_string),
        plan: details.plan.as_ref().map(ToString::to_string),
    }
}

pub(super) fn host_totals(line: &HostSummary) -> HostTotals {
    HostTotals {
        host: line.host.as_ref().map(ToString::to_string),
        ran: line.ran,
        already_done: line.already_done,
        skipped: line.skipped,
        failed: line.failed,
        in_doubt: line.in_doubt,
        took_ms: line.millis,
    }
}
