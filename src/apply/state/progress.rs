//! What a run reports: to the user, to the journal, and at its end.

use serde::{Deserialize, Serialize};

use crate::exit_code::ExitCode;
use crate::facts::model::HostFacts;
use crate::name::{HostName, PlanDigest, RunId, StepId};
use crate::plan::kinds::WhenSuperseded;
use crate::record::{Ending, LockDetails, PollAttempt, StopRequest};

/// A line of the journal. It explains; receipts decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum JournalEntry {
    /// A run holds the lock and every fence, and begins to work.
    Began {
        /// The run.
        run: RunId,
        /// The plan.
        plan: PlanDigest,
    },
    /// A step is about to be handed over. Written before that.
    Started {
        /// The step.
        step: StepId,
        /// The attempt.
        attempt: u32,
    },
    /// A step has ended.
    Ended {
        /// The step.
        step: StepId,
        /// The attempt.
        attempt: u32,
        /// How.
        status: StepStatus,
    },
    /// The run has ended.
    Exited {
        /// The run.
        run: RunId,
        /// The exit code.
        code: u8,
    },
}

/// What is reported while a plan is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The run has come this far.
    Phase(Phase),
    /// Another holder, with these details, has the lock, and the run waits.
    LockWaiting(String),
    /// The lock of a silent run was taken over.
    LockTakenOver(LockDetails, Vec<OtherStep>),
    /// A step of another plan lives on a host, and this becomes of it. Told once.
    OtherStep(OtherStep, WhenSuperseded),
    /// A step was handed over to its host, or begun on this machine: the attempt with this number.
    StepStarted(StepId, u32),
    /// A poll of a step waits: its attempt or what it saw last is new.
    PollAttempt(StepId, PollAttempt),
    /// An attempt failed, and the step is tried again.
    StepRetried {
        /// The step.
        step: StepId,
        /// The attempt that failed.
        attempt: u32,
        /// How.
        ending: Ending,
        /// The diagnosis.
        diagnosis: String,
    },
    /// A step has ended, or never will begin.
    StepEnded {
        /// The step.
        step: StepId,
        /// How.
        status: StepStatus,
        /// What users get after a switch; empty if the step does not ask, or this run did not see it.
        answer: String,
        /// What explains a failure; empty if there is none.
        diagnosis: String,
    },
    /// The link to a host broke, with what the transport said; the run tries to reach it again.
    HostLost(HostName, String),
    /// A host is back.
    HostBack(HostName),
    /// A host is given up, with what the transport or the host said.
    HostGone(HostName, GoneReason, String),
    /// The lock could not be confirmed for a while; nothing starts.
    Suspended,
    /// The lock is confirmed again.
    Resumed,
    /// Nothing further is begun.
    Stopping(StopReason),
    /// The lock is a person's now.
    LockLeft,
}

/// An attempt at a step of another plan that is alive on a host. Its texts are what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherStep {
    /// The host.
    pub host: HostName,
    /// The plan.
    pub plan: PlanDigest,
    /// The step; `None` if the attempt does not say what it is.
    pub step: Option<StepId>,
    /// The step's summary; may be empty.
    pub summary: String,
    /// Who applied the plan; may be empty.
    pub user: String,
    /// When it began, by the host's clock, in seconds since 1970.
    pub since: Option<u64>,
}

/// Why a host is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoneReason {
    /// It cannot be reached.
    Unreachable,
    /// It answers, but cannot do its part, or does not keep to the protocol.
    Failed,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Taking the deploy lock.
    Locking,
    /// Ending living steps of other plans, or waiting for them.
    Settling,
    /// Inspecting all hosts.
    Inspecting,
    /// Running the commands that print secrets.
    Reading,
    /// Reserving hosts.
    Fencing,
    /// Checking finished steps.
    Judging,
    /// Running steps.
    Walking,
    /// Recording completion.
    Finishing,
    /// Releasing the lock.
    Releasing,
    /// Over.
    Exited,
}

/// Why a run begins nothing further.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopReason {
    /// A step failed. A switch that has begun is finished.
    Failure(StepId),
    /// A host is given up. A switch that has begun elsewhere is finished.
    HostGone(HostName),
    /// A note in the lock asked for it. A switch whose route has begun is finished.
    Requested(StopRequest),
    /// The user asked for it. A switch whose route has begun is finished.
    Interrupted,
    /// The journal cannot be written, and why.
    JournalFailed(String),
    /// The host that holds the lock is given up.
    LockHostGone,
    /// The lock, or a fence, is another run's.
    LockLost,
    /// This person released the lock by hand.
    LockReleased(String),
}

/// The status of a step at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepStatus {
    /// It has not ended.
    Open,
    /// This run brought it to its end.
    Succeeded,
    /// It needed nothing: done by an earlier run, found done by its check, or needed by nothing any more.
    AlreadyDone,
    /// It failed.
    Failed {
        /// How.
        ending: Ending,
    },
    /// It failed, and the run went on.
    Tolerated {
        /// How; absent if an earlier run saw it.
        ending: Option<Ending>,
    },
    /// It was not begun.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Cannot tell whether its effect is there.
    InDoubt,
    /// It was under way when its host was given up.
    Lost,
    /// It was ended, since the run was interrupted.
    Stopped,
}

/// Why a step was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// A dependency did not succeed.
    Blocked,
    /// The run was stopping.
    Stopping,
    /// Another step failed on its host.
    HostFailed,
    /// Its host is given up.
    HostGone,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is done.
    Done,
    /// The plan was applied to its end before, and maybe another one since. Nothing changed.
    AlreadyApplied(Option<LaterPlan>),
    /// Some steps failed or were lost with their host. Applying the plan again resumes it.
    Failed(Vec<StepId>),
    /// A host has changed since the plan was made. No step was begun.
    Stale {
        /// The host.
        host: HostName,
        /// The fact.
        fact: String,
        /// What the plan relies on.
        then: String,
        /// What is so now.
        now: String,
    },
    /// Steps of other plans did not end in time. No step was begun.
    StepsRunning(Vec<OtherStep>),
    /// Another plan, if the host that shows it names one, has begun since this one was made. Nothing changed.
    Superseded(HostName, Option<PlanDigest>),
    /// Another run holds the lock.
    LockHeld {
        /// Who.
        details: LockDetails,
        /// Seconds since its last heartbeat.
        beat_age: u64,
    },
    /// A dead run of another plan holds the lock, and release commands or hooks of it have not ended.
    LeftOpen {
        /// The dead run.
        details: LockDetails,
        /// Seconds since its last heartbeat.
        beat_age: u64,
        /// What has not ended.
        open: Vec<OtherStep>,
    },
    /// Somebody who is not a run of ours holds the lock, with these details.
    LockForeign(String),
    /// Nobody holds the lock, and so many runs have waited for it for longer.
    LockQueued(u32),
    /// Cannot tell whether the effect of these steps is there.
    InDoubt(Vec<StepId>),
    /// A command did not print a secret that steps need, and why. Nothing changed.
    SecretsUnread(String),
    /// Hosts cannot be reached, with what the transport said. No step was begun.
    Unreachable(Vec<(HostName, String)>),
    /// Hosts are given up, of which at least one answers, with what it said. No step was begun.
    HostFailed(Vec<(HostName, String)>),
    /// The user stopped it, and left these steps behind under way: none after an orderly stop.
    Interrupted(Vec<StepId>),
    /// A note in the lock stopped it; the effect of these steps cannot be told.
    StopRequested(StopRequest, Vec<StepId>),
    /// The journal could not be written, and why.
    JournalFailed(String),
    /// The lock, or a fence, became another run's.
    LockLost,
    /// This person released the lock by hand.
    LockReleased(String),
}

/// A plan that began after one that was applied to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterPlan {
    /// Its digest.
    pub plan: PlanDigest,
    /// Its operation, as `rollback`; empty if it has changed no route.
    pub operation: String,
    /// Who applied it; empty as the operation is.
    pub by: String,
    /// When it changed a route, in seconds since 1970 by the host's clock; else 0.
    pub at: u64,
}

impl LaterPlan {
    /// Returns the plan that last began on a host with these `facts`, if it is another one than `own`.
    pub(super) fn on(facts: &HostFacts, own: &PlanDigest) -> Option<Self> {
        let plan = facts.serial.plan.as_ref().filter(|plan| *plan != own)?;
        let routes = facts.routed.iter();
        let route = routes
            .filter(|route| route.plan.as_ref() == Some(plan))
            .max_by_key(|route| route.at);
        Some(Self {
            plan: plan.clone(),
            operation: route.map_or_else(String::new, |route| route.operation.clone()),
            by: route.map_or_else(String::new, |route| route.by.clone()),
            at: route.map_or(0, |route| route.at),
        })
    }
}

impl Outcome {
    /// Returns the exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Outcome::Done | Outcome::AlreadyApplied(_) => ExitCode::Done,
            Outcome::Failed { .. }
            | Outcome::HostFailed { .. }
            | Outcome::JournalFailed { .. }
            | Outcome::LockLost
            | Outcome::LockReleased { .. } => ExitCode::Failed,
            Outcome::Stale { .. } | Outcome::Superseded { .. } => ExitCode::Stale,
            Outcome::LockHeld { .. }
            | Outcome::LeftOpen { .. }
            | Outcome::LockForeign { .. }
            | Outcome::LockQueued { .. }
            | Outcome::StepsRunning { .. } => ExitCode::Locked,
            Outcome::SecretsUnread { .. } => ExitCode::Configuration,
            Outcome::InDoubt { .. } => ExitCode::InDoubt,
            Outcome::Unreachable { .. } => ExitCode::Unreachable,
            Outcome::Interrupted { .. } | Outcome::StopRequested { .. } => ExitCode::Interrupted,
        }
    }
}
