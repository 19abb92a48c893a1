//! The types of the stream that `mrsk apply --format json` prints, written for its readers: nothing inside the program has them, so that renaming
//! something there cannot change the stream. `docs/json-stream.md` and `schemas/events.schema.json` are made from them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::details::{Details, LockHolder};
use super::other_step::{Fate, OtherStep};
use crate::apply::state;
use crate::record;

/// The version of the stream. A field or event that is added raises the second number, everything else the first.
pub const FORMAT_VERSION: &str = "1.0";

/// Returns the JSON schema of one line.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<StreamEvent>()
        .to_value();
    if let Value::Object(map) = &mut schema {
        map.insert(
            "title".into(),
            format!("mrsk events {FORMAT_VERSION}").into(),
        );
    }
    schema
}

/// Declares an enum of the stream, and which variant of the program's own each value stands for: exhaustive, so that a new variant
/// does not compile until it has its value.
macro_rules! mirror {
    (
        $(#[$doc:meta])*
        $name:ident of $source:path {
            $($(#[$about:meta])* $value:ident = $variant:ident,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Serialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $name {
            $($(#[$about])* $value,)+
        }

        impl From<&$source> for $name {
            fn from(source: &$source) -> Self {
                use $source as Source;
                match source {
                    $(Source::$variant { .. } => Self::$value,)+
                }
            }
        }
    };
}

/// One line of the stream.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub(super) enum StreamEvent {
    /// The first line.
    Run {
        /// Version of the stream.
        format_version: String,
        /// Digest of the plan.
        plan: String,
        /// Name of the service.
        service: String,
        /// The destination; null if there is none.
        destination: Option<String>,
        /// The version that is deployed.
        version: String,
        /// Number of steps of the plan.
        steps: usize,
    },
    /// The run enters a phase.
    Phase {
        #[serde(flatten)]
        at: At,
        /// The phase.
        phase: Phase,
    },
    /// The run waits for the deploy lock. Printed once for each holder.
    LockWaiting {
        #[serde(flatten)]
        at: At,
        /// The text of the lock.
        holder: String,
    },
    /// The run took over the deploy lock of a dead run.
    LockTakenOver {
        #[serde(flatten)]
        at: At,
        /// The dead run.
        from: LockHolder,
        /// Release commands and hooks of it that have not ended.
        open_steps: Vec<OtherStep>,
    },
    /// A step of another plan is running on a host. Printed once for each attempt.
    OtherStep {
        #[serde(flatten)]
        at: At,
        /// The step.
        step: OtherStep,
        /// What becomes of it.
        fate: Fate,
    },
    /// A step starts.
    StepStarted {
        #[serde(flatten)]
        at: StepAt,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// A poll of a step waits: its attempt or what it saw last is new.
    PollAttempt {
        #[serde(flatten)]
        at: StepAt,
        /// Number of the attempt of the poll, from 1.
        attempt: u32,
        /// Number of attempts that the poll makes.
        of: u32,
        /// What it saw last, such as `503`; may be empty.
        status: String,
    },
    /// An attempt at a step failed, and the step is retried.
    StepRetried {
        #[serde(flatten)]
        at: StepAt,
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// How the attempt ended.
        ending: Ending,
        /// Exit status of the command that failed; null unless `ending` is `failed` or `uncleaned`.
        exit_status: Option<i32>,
        /// Duration of the attempt in milliseconds; null if this run did not start it.
        took_ms: Option<u64>,
        /// Output that explains the failure, with secrets redacted; may be empty.
        diagnosis: String,
    },
    /// A step ended, or will never start. Printed once for each step that is settled.
    StepEnded {
        #[serde(flatten)]
        at: StepAt,
        /// Result of the step.
        status: Status,
        /// How its last attempt ended, if `status` is `failed` or `tolerated`; else null.
        ending: Option<Ending>,
        /// Exit status of the command that failed; null unless `ending` is `failed` or `uncleaned`.
        exit_status: Option<i32>,
        /// Why it was skipped, if `status` is `skipped`; else null.
        reason: Option<SkipReason>,
        /// Duration of the last attempt in milliseconds; null if this run did not start it.
        took_ms: Option<u64>,
        /// What users get after a switch, such as `app.example.com/up answered 200`; empty if the step does not ask.
        answer: String,
        /// Output that explains the failure, with secrets redacted; may be empty.
        diagnosis: String,
    },
    /// A line that a command printed on the machine that applies the plan. Only with `--verbose`.
    Output {
        #[serde(flatten)]
        at: StepAt,
        /// The line, with secrets redacted.
        line: String,
    },
    /// The connection to a host is lost; the run reconnects.
    HostLost {
        #[serde(flatten)]
        at: At,
        /// The host.
        host: String,
        /// The error.
        message: String,
    },
    /// A host is connected again.
    HostBack {
        #[serde(flatten)]
        at: At,
        /// The host.
        host: String,
    },
    /// A host is given up.
    HostGone {
        #[serde(flatten)]
        at: At,
        /// The host.
        host: String,
        /// Why.
        reason: GoneReason,
        /// The error.
        message: String,
    },
    /// The deploy lock cannot be confirmed; no step starts until it is.
    Suspended {
        #[serde(flatten)]
        at: At,
    },
    /// The deploy lock is confirmed again.
    Resumed {
        #[serde(flatten)]
        at: At,
    },
    /// The deploy lock stays with a person, so that nothing is deployed until `mrsk lock release`.
    LockLeft {
        #[serde(flatten)]
        at: At,
    },
    /// The run starts no further steps.
    Stopping {
        #[serde(flatten)]
        at: At,
        /// Why.
        reason: StopReason,
        /// The step that failed, if `reason` is `failure`; else null.
        step: Option<String>,
        /// The host that was given up, if `reason` is `host_gone`; else null.
        host: Option<String>,
        /// The error, if `reason` is `journal_failed`; else null.
        message: Option<String>,
    },
    /// The last line.
    Finished {
        #[serde(flatten)]
        at: At,
        /// Result of the run.
        outcome: Outcome,
        /// Exit code of the process.
        code: u8,
        /// What explains the outcome.
        details: Box<Details>,
        /// File to apply again to resume.
        plan_path: String,
        /// Counts of steps by host.
        hosts: Vec<HostTotals>,
        /// Ids of the steps that have not ended.
        open: Vec<String>,
    },
}

/// When something happened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct At {
    /// Milliseconds since the run began.
    pub at_ms: u64,
}

/// When something happened to a step, and which.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct StepAt {
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// Id of the step.
    pub step: String,
    /// Host of the step; null for the machine that applies the plan.
    pub host: Option<String>,
}

mirror! {
    /// Phase of a run.
    Phase of state::Phase {
        /// Taking the deploy lock.
        Locking = Locking,
        /// Ending running steps of other plans, or waiting for them.
        Settling = Settling,
        /// Inspecting the hosts.
        Inspecting = Inspecting,
        /// Running the commands that print secrets.
        Reading = Reading,
        /// Reserving the hosts for this run.
        Reserving = Fencing,
        /// Checking which steps are finished.
        Checking = Judging,
        /// Running steps.
        Running = Walking,
        /// Recording that the plan is finished.
        Recording = Finishing,
        /// Releasing the deploy lock.
        Releasing = Releasing,
        /// Exiting.
        Exiting = Exited,
    }
}

mirror! {
    /// How an attempt at a step ended.
    Ending of record::Ending {
        /// It succeeded.
        Succeeded = Succeeded,
        /// A command failed, or a poll gave up.
        Failed = Failed,
        /// It exceeded its time limit, or printed nothing for too long.
        TimedOut = TimedOut,
        /// The host refused it: another run has taken over.
        Refused = Refused,
        /// A run of another plan ended it.
        Superseded = Superseded,
        /// It failed, and its cleanup was skipped: another plan has begun on its host.
        Uncleaned = Uncleaned,
        /// It was ended, since its run was interrupted.
        Stopped = Stopped,
    }
}

mirror! {
    /// Result of a step.
    Status of state::StepStatus {
        /// It has not ended.
        Open = Open,
        /// This run finished it.
        Succeeded = Succeeded,
        /// Nothing was left to do.
        AlreadyDone = AlreadyDone,
        /// It failed.
        Failed = Failed,
        /// It failed, and the run continues.
        Tolerated = Tolerated,
        /// It was not started.
        Skipped = Skipped,
        /// It cannot be told whether it took effect.
        InDoubt = InDoubt,
        /// Its host was given up while it ran.
        Lost = Lost,
        /// It was ended, since the run was interrupted.
        Stopped = Stopped,
    }
}

mirror! {
    /// Why a host is given up.
    GoneReason of state::GoneReason {
        /// It cannot be reached.
        Unreachable = Unreachable,
        /// It answers, but cannot do its part: its disk is full or read-only, or its answers are invalid.
        Failed = Failed,
    }
}

mirror! {
    /// Why a step was skipped.
    SkipReason of state::SkipReason {
        /// A dependency failed.
        DependencyFailed = Blocked,
        /// The run is stopping.
        Stopping = Stopping,
        /// Another step failed on its host.
        HostFailed = HostFailed,
        /// Its host was given up.
        HostGone = HostGone,
    }
}

mirror! {
    /// Why a run starts no further steps.
    StopReason of state::StopReason {
        /// A step failed.
        Failure = Failure,
        /// A host was given up.
        HostGone = HostGone,
        /// The journal cannot be written.
        JournalFailed = JournalFailed,
        /// A note in the deploy lock asked it to stop.
        StopRequested = Requested,
        /// The user interrupted it.
        Interrupted = Interrupted,
        /// The lock host was given up.
        LockHostGone = LockHostGone,
        /// Another run has taken over.
        LockLost = LockLost,
        /// A person released the deploy lock.
        LockReleased = LockReleased,
    }
}

mirror! {
    /// Result of a run.
    Outcome of state::Outcome {
        /// Every step is done.
        Done = Done,
        /// The plan was applied before.
        AlreadyApplied = AlreadyApplied,
        /// Steps failed.
        Failed = Failed,
        /// A host has changed since the plan was made.
        Stale = Stale,
        /// Steps of other plans did not end in time; no step was started.
        StepsRunning = StepsRunning,
        /// Another plan was started since this one was made.
        Superseded = Superseded,
        /// Another run holds the deploy lock.
        LockHeld = LockHeld,
        /// A dead run of another plan holds the deploy lock, and release commands or hooks of it have not ended.
        LeftOpen = LeftOpen,
        /// Someone other than mrsk holds the deploy lock.
        LockForeign = LockForeign,
        /// Nobody holds the deploy lock, and other runs have waited for it for longer.
        LockQueued = LockQueued,
        /// It cannot be told whether steps took effect.
        InDoubt = InDoubt,
        /// A command did not print a secret that steps need; nothing changed.
        SecretsUnread = SecretsUnread,
        /// Hosts cannot be reached; no step was started.
        Unreachable = Unreachable,
        /// Hosts were given up, of which at least one answers; no step was started.
        HostFailed = HostFailed,
        /// The user interrupted the run.
        Interrupted = Interrupted,
        /// A note in the deploy lock asked the run to stop: `message` tells who, and why.
        StopRequested = StopRequested,
        /// The journal cannot be written.
        JournalFailed = JournalFailed,
        /// Another run has taken over.
        LockLost = LockLost,
        /// A person released the deploy lock.
        LockReleased = LockReleased,
    }
}

/// Counts of the steps of one host.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct HostTotals {
    /// The host; null for the machine that applies the plan.
    pub host: Option<String>,
    /// Steps that this run finished.
    pub ran: usize,
    /// Steps that were already done.
    pub already_done: usize,
    /// Steps that were skipped or not started.
    pub skipped: usize,
    /// Steps that failed or were lost.
    pub failed: usize,
    /// Steps that are in doubt, or were left running.
    pub in_doubt: usize,
    /// Milliseconds from the start of its first step to the end of its last.
    pub took_ms: u64,
}
