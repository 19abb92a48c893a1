//! The state of a step during a run.

use std::collections::VecDeque;

use super::event::Millis;
use super::progress::StepStatus;
use crate::plan::shape::StepIndex;
use crate::record::WhenStopping;

index_vec::define_index_type! {
    /// The position of a host among those of the run.
    pub(super) struct HostIndex = usize;
}

/// A step of the plan, as the run sees it.
#[derive(Debug, Clone)]
pub(super) struct StepRun {
    pub(super) host: Option<HostIndex>,
    pub(super) state: StepState,
    /// The number of the current or next attempt.
    pub(super) attempt: u32,
    /// Attempts that were begun by this run.
    pub(super) tries: u32,
    /// How often it was begun again by this run, for whatever reason.
    pub(super) repeats: u32,
    /// How often its script died without effect.
    pub(super) deaths: u32,
    /// Whether it continues, on its host, what a step with a safe point began.
    pub(super) in_switch: bool,
    /// What becomes of it on its host when the run stops.
    pub(super) when_stopping: WhenStopping,
    /// Whether a session that broke may still start it by itself: it counts as begun, also while the run stops.
    pub(super) handed_over: bool,
    /// Whether its host has started anew since it was handed over, and shows no claim: nobody knows whether there was one.
    pub(super) claim_may_be_lost: bool,
    /// Whether its check is to be asked when it becomes ready.
    pub(super) ask_first: bool,
    /// How often its check was asked without an answer.
    pub(super) unanswered: usize,
    /// Whether this run or an earlier one has begun it, as a barrier's wait wants to know.
    pub(super) begun_before: bool,
    /// What users get, as its last attempt says.
    pub(super) answer: String,
    pub(super) started: Option<Millis>,
    pub(super) ended: Option<Millis>,
}

/// The state of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StepState {
    /// A dependency has not ended.
    Waiting,
    /// It may start.
    Ready,
    /// An attempt at it was begun elsewhere and may be attached to.
    Attachable,
    /// It was handed over in a batch.
    Sent { batch: u64 },
    /// Its claim is this run's.
    Claimed { batch: u64 },
    /// Its attempt is waited for.
    Attached,
    /// The same, and it is asked again after a pause.
    AttachPause,
    /// Its channel broke. `claimed`: a claim was seen.
    Unknown { claimed: bool },
    /// Its attempt was lost, or its claim may be, and its host's facts decide. `asked`: they were asked for after that was known.
    Probing { asked: bool },
    /// It is being claimed on the lock host, before it runs on this machine.
    ClaimsHere,
    /// It was claimed there, so that no other run begins it, and runs on this machine as soon as the lock is certain.
    ClaimedHere,
    /// It runs on this machine.
    RunsHere,
    /// Its check runs on this machine.
    ChecksHere,
    /// Its success, which is this status, is being recorded on the lock host.
    Recording {
        value: Option<String>,
        status: StepStatus,
    },
    /// A barrier that waits for its time.
    Pausing,
    /// It has ended.
    Ended(StepStatus),
}

impl StepRun {
    pub(super) fn new(host: Option<HostIndex>) -> Self {
        Self {
            host,
            state: StepState::Waiting,
            attempt: 1,
            tries: 0,
            repeats: 0,
            deaths: 0,
            in_switch: false,
            when_stopping: WhenStopping::default(),
            handed_over: false,
            claim_may_be_lost: false,
            ask_first: false,
            unanswered: 0,
            begun_before: false,
            answer: String::new(),
            started: None,
            ended: None,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, StepState::Ended(_))
    }

    /// Returns whether something of it is under way, here or on its host.
    pub(super) fn is_under_way(&self) -> bool {
        match self.state {
            StepState::Waiting
            | StepState::Ready
            | StepState::Pausing
            | StepState::ChecksHere
            | StepState::Ended(_) => false,
            StepState::Attachable
            | StepState::Sent { .. }
            | StepState::Claimed { .. }
            | StepState::Attached
            | StepState::AttachPause
            | StepState::Unknown { .. }
            | StepState::Probing { .. }
            | StepState::ClaimsHere
            | StepState::ClaimedHere
            | StepState::RunsHere
            | StepState::Recording { .. } => true,
        }
    }
}

/// Steps that run one after the other in one session.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) host: HostIndex,
    pub(super) steps: VecDeque<StepIndex>,
}
