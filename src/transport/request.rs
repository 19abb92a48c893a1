//! What a host can be asked for, as data.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::action::{Action, Run, Upload};
use crate::name::{PlanDigest, RunId, Sha256Hex, StepId};
use crate::record::living::About;
use crate::record::{Receipt, Scope, TakeOver, WhenStopping};
use crate::redaction::Redactor;
use crate::secret::Secrets;

/// The place on a host where a plan leaves its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The service and destination.
    pub scope: Scope,
    /// Absolute path of mrsk's state directory on that host.
    pub state_dir: String,
    /// The plan.
    pub plan: PlanDigest,
}

/// A step to be run on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRequest {
    /// What it is, for runs of other plans.
    pub about: About,
    /// [`StepId::hash`].
    pub step: String,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// What it does, in order.
    pub actions: Vec<Action>,
    /// Read-only commands that explain a failure.
    pub diagnose: Vec<Run>,
    /// What undoes what a failure leaves: commands, and files that are put back.
    pub cleanup: Vec<Action>,
    /// The longest that its actions may take, in seconds; 0: no bound.
    pub timeout_seconds: u32,
    /// The longest that its actions may print nothing, in seconds; 0: no bound.
    pub idle_timeout_seconds: u32,
    /// Whether it changes what services of this host share, so that it waits for other services' steps of that kind.
    pub shared_lock: bool,
    /// Whether its claim is synced to the disk: no check could tell what an attempt did whose claim a power cut took.
    pub claim_stays: bool,
    /// What becomes of it when its run stops.
    pub when_stopping: WhenStopping,
    /// What the audit log says of it: who applies which plan, and the step. Its ending follows.
    pub subject: String,
    /// What it routes to, if it sends requests to a container.
    pub route: Option<Route>,
}

/// What a step sends requests to, as it is entered in `routed` on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The role.
    pub role: String,
    /// The version.
    pub version: String,
    /// The container.
    pub container: String,
    /// The repository of its image, whose registry digest counts.
    pub repository: String,
    /// The routing file.
    pub file: String,
    /// What only the routing file of this step has in it.
    pub token: String,
    /// The operation that it is part of.
    pub operation: String,
    /// Who applies the plan.
    pub by: String,
}

/// Commands whose output is handed on as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// What is run first; if one fails, the main command is not run.
    pub before: Vec<Run>,
    /// The main command.
    pub main: Run,
    /// What is run in the end, however the others ended.
    pub after: Vec<Run>,
    /// Only lines with a match of this pattern of grep are handed on.
    pub pattern: Option<String>,
}

impl Commands {
    /// Returns the request to run `main` alone.
    pub fn of(main: Run) -> Self {
        Self {
            before: Vec::new(),
            main,
            after: Vec::new(),
            pattern: None,
        }
    }
}

/// How commands ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandsEnded {
    /// The main command was run, and ended with this status.
    Main(u8),
    /// One before it failed.
    Before,
    /// grep cannot read the pattern, and nothing was run.
    Pattern,
}

/// What steps name and do not hold.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Secrets, by name.
    pub secrets: Secrets,
    /// Values of [`crate::action::Arg::FromEnv`], by name.
    pub variables: BTreeMap<String, String>,
    /// Text of the files to be written.
    pub contents: BTreeMap<Sha256Hex, String>,
    /// Bytes of the files to be copied; of a template, what it became.
    pub uploads: BTreeMap<Upload, Vec<u8>>,
    /// Registry digests that push steps recorded. An image whose digest nobody knows is not compared.
    pub pushed: BTreeMap<StepId, String>,
    /// What redacts the output: made of the secrets at the first use, if it is not set.
    pub redactor: OnceLock<Redactor>,
}

impl Inputs {
    /// Returns what redacts the output.
    pub fn redactor(&self) -> &Redactor {
        self.redactor.get_or_init(|| Redactor::new(&self.secrets))
    }
}

/// One attempt at a step on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRef {
    /// [`StepId::hash`].
    pub step: String,
    /// The attempt, counted from 1.
    pub number: u32,
}

/// Claim and receipt of a local step, to be kept on the lock host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The attempt.
    pub attempt: AttemptRef,
    /// The run that claims it.
    pub run: RunId,
    /// How it ended; `None` if it is about to begin.
    pub receipt: Option<Receipt>,
    /// What the audit log says of it, as [`StepRequest::subject`].
    pub subject: String,
    /// What it is.
    pub about: About,
}

/// On what terms the deploy lock is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockTerms {
    /// The state directory of the lock host; `None`: the one that it chooses.
    pub state_dir: Option<String>,
    /// Whether that of a dead run is taken over.
    pub take_over: TakeOver,
    /// Whether it comes after runs that wait.
    pub turn: Turn,
}

/// Which of several runs gets the deploy lock once it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// This one: it does not wait.
    #[default]
    AtOnce,
    /// The one that has waited for longest. A run that has not tried for 15 s waits no more.
    Queued,
}

impl Turn {
    /// Returns the turn of a run that waits for up to `seconds`.
    pub fn of_wait(seconds: u64) -> Self {
        match seconds {
            0 => Self::AtOnce,
            _ => Self::Queued,
        }
    }
}

/// What a person says about an attempt in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The attempt.
    pub attempt: AttemptRef,
    /// The receipt that it gets.
    pub receipt: Receipt,
    /// Who says so, and why: one line, kept beside the receipt.
    pub note: String,
    /// The line of the audit log.
    pub audit: String,
}

/// Whose lock a person releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// That of whoever holds it.
    Any,
    /// Only that of a run whose heartbeat has stopped, or of a person.
    Silent,
}
