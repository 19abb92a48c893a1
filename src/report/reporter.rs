//! What follows a run.

use crate::apply::state::{Millis, Outcome, Progress, Summary};
use crate::name::StepId;

/// Follows a run.
pub trait Reporter {
    /// Takes what has happened `at` this time. Times never go back.
    fn progress(&mut self, at: Millis, event: &Progress);

    /// Takes a line that a command of this machine printed, without secrets.
    fn output(&mut self, step: &StepId, line: &str);

    /// Takes the end of the run. To be called once, after everything else.
    fn finish(&mut self, summary: &Summary, outcome: &Outcome);
}
