//! What explains an outcome.

use schemars::JsonSchema;
use serde::Serialize;

use super::other_step::OtherStep;
use crate::apply::state::Outcome;
use crate::name::{HostName, StepId};
use crate::record::LockDetails;
use crate::report::words;

/// What explains an outcome. Each field that does not belong to it is null or empty.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Details {
    /// Ids of the steps that failed, are in doubt, or were left running: `failed`, `in_doubt`, `interrupted`, `stop_requested`.
    pub steps: Vec<String>,
    /// The host that changed or that shows the other plan: `stale`, `superseded`.
    pub host: Option<String>,
    /// What changed there, as a JSON pointer into the facts of the host: `stale`.
    pub fact: Option<String>,
    /// What the plan relies on: `stale`.
    pub planned: Option<String>,
    /// What is there now: `stale`.
    pub now: Option<String>,
    /// The steps that are still running: `steps_running`; those that have not ended: `left_open`.
    pub other_steps: Vec<OtherStep>,
    /// Digest of the other plan, if the host names one: `superseded`.
    pub superseded_by: Option<String>,
    /// The other run: `lock_held`, `left_open`.
    pub holder: Option<LockHolder>,
    /// Seconds since the last heartbeat of the other run: `lock_held`, `left_open`.
    pub heartbeat_age_seconds: Option<u64>,
    /// The text of the lock: `lock_foreign`.
    pub lock_text: Option<String>,
    /// How many runs have waited for the lock for longer: `lock_queued`.
    pub runs_ahead: Option<u32>,
    /// The hosts that cannot be reached: `unreachable`.
    pub unreachable: Vec<GoneHost>,
    /// The hosts that were given up: `host_failed`.
    pub failed_hosts: Vec<GoneHost>,
    /// The error: `journal_failed`, `secrets_unread`; who asked for it, and why: `stop_requested`.
    pub message: Option<String>,
}

/// A host that was given up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct GoneHost {
    /// The host.
    pub host: String,
    /// The error.
    pub message: String,
}

/// Returns what explains an outcome.
pub(super) fn details(outcome: &Outcome) -> Details {
    let ids = |steps: &[StepId]| steps.iter().map(StepId::to_string).collect();
    let none = Details::default();
    match outcome {
        Outcome::Done | Outcome::AlreadyApplied(None) | Outcome::LockLost => none,
        Outcome::AlreadyApplied(Some(later)) => Details {
            superseded_by: Some(later.plan.to_string()),
            ..none
        },
        Outcome::Failed(steps) | Outcome::InDoubt(steps) | Outcome::Interrupted(steps) => Details {
            steps: ids(steps),
            ..none
        },
        Outcome::StopRequested(request, steps) => Details {
            steps: ids(steps),
            message: Some(words::stop_request(request)),
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
        Outcome::StepsRunning(steps) => Details {
            other_steps: steps.iter().map(Into::into).collect(),
            ..none
        },
        Outcome::Superseded(host, plan) => Details {
            host: Some(host.to_string()),
            superseded_by: plan.as_ref().map(ToString::to_string),
            ..none
        },
        Outcome::LockHeld { details, beat_age } => Details {
            holder: Some(lock_holder(details)),
            heartbeat_age_seconds: Some(*beat_age),
            ..none
        },
        Outcome::LeftOpen {
            details,
            beat_age,
            open,
        } => Details {
            holder: Some(lock_holder(details)),
            heartbeat_age_seconds: Some(*beat_age),
            other_steps: open.iter().map(Into::into).collect(),
            ..none
        },
        Outcome::LockForeign(text) => Details {
            lock_text: Some(text.clone()),
            ..none
        },
        Outcome::LockQueued(ahead) => Details {
            runs_ahead: Some(*ahead),
            ..none
        },
        Outcome::Unreachable(hosts) => Details {
            unreachable: gone_hosts(hosts),
            ..none
        },
        Outcome::HostFailed(hosts) => Details {
            failed_hosts: gone_hosts(hosts),
            ..none
        },
        Outcome::JournalFailed(message)
        | Outcome::LockReleased(message)
        | Outcome::SecretsUnread(message) => Details {
            message: Some(message.clone()),
            ..none
        },
    }
}

fn gone_hosts(hosts: &[(HostName, String)]) -> Vec<GoneHost> {
    let gone = |(host, message): &(HostName, String)| GoneHost {
        host: host.to_string(),
        message: message.clone(),
    };
    hosts.iter().map(gone).collect()
}

/// Holder of a deploy lock.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct LockHolder {
    /// Who runs it.
    pub locked_by: String,
    /// When it took the lock.
    pub at: String,
    /// The version that it deploys.
    pub version: String,
    /// Why the lock is held.
    pub message: String,
    /// Id of the run; null if it is not a run of mrsk.
    pub run: Option<String>,
    /// Digest of its plan; null if it has none.
    pub plan: Option<String>,
}

/// Returns who holds the lock.
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
