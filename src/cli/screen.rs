//! Shows a run and keeps its journal.

use std::io::{IsTerminal, Stderr, Stdout};
use std::sync::Arc;

use indicatif::ProgressDrawTarget;

use super::terminal;
use crate::apply::driver::{Ended, Observer};
use crate::apply::state::{JournalEntry, Millis, Progress};
use crate::journal::Journal;
use crate::name::StepId;
use crate::plan::Plan;
use crate::report::{Json, Lines, Live, Reporter, Verbosity, View};

/// Columns of a terminal that does not report its width.
const DEFAULT_COLUMNS: u16 = 80;

/// How a run is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, on standard error
    Text,
    /// JSON Lines, on standard output
    Json,
}

/// The streams that a run is shown on.
pub struct Screen {
    stderr: Stderr,
    stdout: Stdout,
}

impl Screen {
    pub fn new() -> Self {
        Self {
            stderr: std::io::stderr(),
            stdout: std::io::stdout(),
        }
    }

    /// Returns the reporter for `format`: live rows on a terminal, else a line for each event.
    pub fn reporter<'a>(
        &'a mut self,
        format: Format,
        plan: &Arc<Plan>,
        path: &str,
        verbosity: Verbosity,
    ) -> Box<dyn Reporter + 'a> {
        let look = terminal::look(&self.stderr);
        let view = View::new(plan.clone(), path, look.styling, verbosity);
        if format == Format::Json {
            return Box::new(Json::new(view, &mut self.stdout));
        }
        if self.stderr.is_terminal() {
            let columns = look.width.unwrap_or(DEFAULT_COLUMNS);
            return Box::new(Live::new(
                view,
                ProgressDrawTarget::stderr(),
                columns,
                &mut self.stderr,
            ));
        }
        Box::new(Lines::new(view, &mut self.stderr))
    }
}

/// Shows a run with a reporter and records it in the journal.
pub struct Recorder<'a> {
    reporter: Box<dyn Reporter + 'a>,
    journal: Journal,
}

impl<'a> Recorder<'a> {
    pub fn new(reporter: Box<dyn Reporter + 'a>, journal: Journal) -> Self {
        Self { reporter, journal }
    }

    /// Shows how it ended.
    pub fn finish(&mut self, ended: &Ended) {
        self.reporter.finish(&ended.summary, &ended.outcome);
    }
}

impl Observer for Recorder<'_> {
    fn progress(&mut self, at: Millis, progress: &Progress) {
        self.reporter.progress(at, progress);
    }

    fn journal(&mut self, entry: &JournalEntry) -> std::io::Result<()> {
        self.journal.append(jiff::Timestamp::now(), entry)
    }

    fn output(&mut self, step: &StepId, line: &str) {
        self.reporter.output(step, line);
    }
}
