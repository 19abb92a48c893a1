//! What the user sees of a run, and what is kept of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::apply::driver::{Ended, Observer};
use crate::apply::state::{JournalEntry, Millis, Progress};
use crate::journal::Journal;
use crate::name::StepId;
use crate::plan::Plan;

/// The screen and the journal of a run.
pub(super) struct Screen {
    plan: Arc<Plan>,
    journal: Journal,
    path: PathBuf,
    verbose: bool,
}

impl Screen {
    pub fn new(plan: Arc<Plan>, journal: Journal, path: PathBuf, verbose: bool) -> Self {
        Self {
            plan,
            journal,
            path,
            verbose,
        }
    }
    pub fn finish(&mut self, ended: &Ended) {
        eprintln!("{:?}", ended.outcome);
        let _ = (&self.plan, &self.path);
    }
}

impl Observer for Screen {
    fn progress(&mut self, at: Millis, progress: &Progress) {
        eprintln!("{:>6} {progress:?}", at.0);
    }
    fn journal(&mut self, entry: &JournalEntry) -> std::io::Result<()> {
        self.journal.append(jiff::Timestamp::now(), entry)
    }
    fn output(&mut self, step: &StepId, line: &str) {
        if self.verbose {
            eprintln!("{step}: {line}");
        }
    }
}
