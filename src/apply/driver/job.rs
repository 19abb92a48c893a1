//! What a run is given, and whom it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::done::Ahead;
use crate::apply::clock::Clock;
use crate::apply::links::Links;
use crate::apply::state::{JournalEntry, Millis, Options, Outcome, Progress, Summary};
use crate::facts::Query;
use crate::facts::model::HostFacts;
use crate::name::{HostName, StepId};
use crate::plan::Plan;
use crate::record::LockDetails;
use crate::transport::docker_config::DockerConfig;
use crate::transport::request::Inputs;

/// Follows a run. It decides nothing, and never fails a run.
pub trait Observer {
    /// Takes what has happened `at` this time. Times never go back.
    fn progress(&mut self, at: Millis, event: &Progress);

    /// Takes a line that a command of this machine printed, with secrets redacted.
    fn output(&mut self, step: &StepId, line: &str);

    /// Takes the end of the run. Called once, after everything else.
    fn finish(&mut self, summary: &Summary, outcome: &Outcome);
}

/// Appends a line to the journal. If it cannot be written, the run starts nothing more.
pub type Journal<'a> = dyn FnMut(&JournalEntry) -> std::io::Result<()> + 'a;

/// Reads secrets that commands print.
pub trait SecretReader: Send + Sync {
    /// Returns all inputs, once the commands have run that print `names`. It may take long.
    ///
    /// # Errors
    /// Why a value could not be read, in one line.
    fn read(&self, names: &BTreeSet<String>) -> Result<ReadSecrets, String>;
}

/// The inputs of a run with the secrets that were read.
pub struct ReadSecrets {
    /// As [`Job::inputs`].
    pub inputs: Inputs,
    /// As [`Job::docker_config`].
    pub docker_config: Option<Arc<DockerConfig>>,
}

/// What a run needs.
pub struct Job {
    /// The plan.
    pub plan: Arc<Plan>,
    /// How it is applied.
    pub options: Options,
    /// What the time is.
    pub clock: Box<dyn Clock>,
    /// The links to its hosts.
    pub links: Arc<Links>,
    /// Secrets, files and texts.
    pub inputs: Inputs,
    /// Reads the secrets among them that commands print.
    pub secrets: Arc<dyn SecretReader>,
    /// What hosts are asked.
    pub query: Query,
    /// Where local steps run.
    pub root: PathBuf,
    /// Docker's configuration for local commands that need a login; `None` if the plan has no login here.
    pub docker_config: Option<Arc<DockerConfig>>,
    /// The details of the lock.
    pub details: LockDetails,
    /// Those of the lock that is left behind, if the options say so.
    pub hold: LockDetails,
    /// What steps of this machine have done already; `None`: those that can run before the lock is taken do so.
    pub ahead: Option<Ahead>,
    /// The facts of all hosts, if they were looked at while this run held the lock already, and no attempt of another plan lived there.
    pub looked: Option<BTreeMap<HostName, HostFacts>>,
}
