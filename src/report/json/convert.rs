//! From the types of a run to those of the stream.

use super::stream::{Details, HostTotals, LockHolder, StreamEvent, UnreachableHost};
use crate::apply::state::{HostSummary, Outcome, StopReason};
use crate::name::StepId;
use crate::record::{Ending, LockDetails};

pub(super) fn exit_status(ending: Ending) -> Option<i32> {
    match ending {
        Ending::Failed { code } => Some(code),
        _ => None,
    }
}

pub(super) fn stopping(at_ms: u64, reason: &StopReason) -> StreamEvent {
    let (mut step, mut host, mut message) = (None, None, None);
    match reason {
        StopReason::Failure { step: failed } => step = Some(failed.to_string()),
        StopReason::HostGone { host: gone } => host = Some(gone.to_string()),
        StopReason::JournalFailed { message: error } => message = Some(error.clone()),
        StopReason::Interrupted | StopReason::LockHostGone | StopReason::LockLost => {}
    }
    StreamEvent::Stopping {
        at_ms,
        reason: reason.into(),
        step,
        host,
        message,
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
