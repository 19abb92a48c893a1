//! What a run is given, whom it tells, and what it gives back.

use std::path::PathBuf;
use std::sync::Arc;

use crate::apply::links::Links;
use crate::apply::state::{JournalEntry, Millis, Options, Outcome, Progress, Summary};
use crate::facts::Query;
use crate::name::StepId;
use crate::plan::Plan;
use crate::record::LockDetails;
use crate::transport::request::Inputs;

/// Follows a run.
pub trait Observer {
    /// Something happened.
    fn progress(&mut self, at: Millis, progress: &Progress);

    /// A line is to be appended to the journal.
    ///
    /// # Errors
    /// When it cannot be written: the run starts nothing more.
    fn journal(&mut self, entry: &JournalEntry) -> std::io::Result<()>;

    /// A command of this machine printed a line. Secrets are redacted in it.
    fn output(&mut self, step: &StepId, line: &str);
}

/// What a run needs.
pub struct Job {
    /// The plan.
    pub plan: Arc<Plan>,
    /// How it is applied.
    pub options: Options,
    /// The links to its hosts.
    pub links: Arc<Links>,
    /// Secrets, files and texts.
    pub inputs: Inputs,
    /// What hosts are asked.
    pub query: Query,
    /// Where local steps run.
    pub root: PathBuf,
    /// The details of the lock.
    pub details: LockDetails,
}

/// How a run ended.
pub struct Ended {
    /// The outcome.
    pub outcome: Outcome,
    /// Host by host and step by step.
    pub summary: Summary,
}
