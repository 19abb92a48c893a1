//! What a run reports: to the user, to the journal, and at its end.

use serde::{Deserialize, Serialize};

use crate::exit_code::ExitCode;
use crate::name::{HostName, PlanDigest, RunId, StepId};
use crate::record::{Ending, LockDetails};

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
    /// Another holder has the lock, and the run waits.
    LockWaiting {
        /// The details of the lock.
        holder: String,
    },
    /// The lock of a silent run was taken over.
    LockTakenOver {
        /// The silent run.
        from: LockDetails,
    },
    /// A step was handed over to its host, or begun on this machine.
    StepStarted {
        /// The step.
        step: StepId,
        /// The attempt.
        attempt: u32,
    },
    /// A poll of a step waits: its attempt or what it saw last is new.
    PollAttempt {
        /// The step.
        step: StepId,
        /// The attempt of the poll, counted from 1.
        attempt: u32,
        /// How many attempts the poll makes.
        of: u32,
        /// What it saw last, such as `503`; may be empty.
        status: String,
    },
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
        /// What explains a failure; empty if there is none.
        diagnosis: String,
    },
    /// The link to a host broke; the run tries to reach it again.
    HostLost {
        /// The host.
        host: HostName,
        /// What the transport said.
        message: String,
    },
    /// A host is back.
    HostBack {
        /// The host.
        host: HostName,
    },
    /// A host is given up.
    HostGone {
        /// The host.
        host: HostName,
        /// What the transport said.
        message: String,
    },
    /// The lock could not be confirmed for a while; nothing starts.
    Suspended,
    /// The lock is confirmed again.
    Resumed,
    /// Nothing further is begun.
    Stopping(StopReason),
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Taking the deploy lock.
    Locking,
    /// Inspecting all hosts.
    Inspecting,
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
    Failure {
        /// The step.
        step: StepId,
    },
    /// A host is away for good. A switch that has begun elsewhere is finished.
    HostGone {
        /// The host.
        host: HostName,
    },
    /// The journal cannot be written.
    JournalFailed {
        /// Why.
        message: String,
    },
    /// The user asked for it.
    Interrupted,
    /// The host that holds the lock is away for good.
    LockHostGone,
    /// The lock, or a fence, is another run's.
    LockLost,
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
    /// It was under way when its host went away.
    Lost,
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
    /// Its host is away.
    HostGone,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is done.
    Done,
    /// The plan was applied to its end before. Nothing changed.
    AlreadyApplied,
    /// Some steps failed or were lost with their host. Applying the plan again resumes it.
    Failed {
        /// The failed and lost steps.
        steps: Vec<StepId>,
    },
    /// A host has changed since the plan was made. Nothing changed.
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
    /// Another plan has begun since this one was made. Nothing changed.
    Superseded {
        /// The host that shows it.
        host: HostName,
        /// The other plan, if the host names one.
        plan: Option<PlanDigest>,
    },
    /// Another run holds the lock.
    LockHeld {
        /// Who.
        details: LockDetails,
        /// Seconds since its last heartbeat.
        beat_age: u64,
    },
    /// Somebody who is not a run of ours holds the lock.
    LockForeign {
        /// Its details.
        text: String,
    },
    /// Cannot tell whether the effect of these steps is there.
    InDoubt {
        /// The steps.
        steps: Vec<StepId>,
    },
    /// Hosts cannot be reached. No step was begun.
    Unreachable {
        /// The hosts, and what the transport said.
        hosts: Vec<(HostName, String)>,
    },
    /// The user stopped it.
    Interrupted {
        /// What was under way and left behind; empty after an orderly stop.
        in_doubt: Vec<StepId>,
    },
    /// The journal could not be written.
    JournalFailed {
        /// Why.
        message: String,
    },
    /// The lock, or a fence, became another run's.
    LockLost,
}

impl Outcome {
    /// Returns the exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Outcome::Done | Outcome::AlreadyApplied => ExitCode::Done,
            Outcome::Failed { .. } | Outcome::JournalFailed { .. } | Outcome::LockLost => {
                ExitCode::Failed
            }
            Outcome::Stale { .. } | Outcome::Superseded { .. } => ExitCode::Stale,
            Outcome::LockHeld { .. } | Outcome::LockForeign { .. } => ExitCode::Locked,
            Outcome::InDoubt { .. } => ExitCode::InDoubt,
            Outcome::Unreachable { .. } => ExitCode::Unreachable,
            Outcome::Interrupted { .. } => ExitCode::Interrupted,
        }
    }
}
