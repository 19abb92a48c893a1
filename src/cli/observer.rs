//! What the user sees of a run, and what is kept of it.

use std::io::{IsTerminal, Stderr, Stdout};
use std::sync::Arc;

use indicatif::ProgressDrawTarget;

use super::args;
use crate::apply::driver::{Ended, Observer};
use crate::apply::state::{JournalEntry, Millis, Progress};
use crate::journal::Journal;
use crate::name::StepId;
use crate::plan::Plan;
use crate::report::{Json, Lines, Live, Reporter, Verbosity, View};

/// The columns that are assumed where a terminal does not tell.
const COLUMNS: u16 = 80;

/// How a run is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people, on standard error
    Text,
    /// JSON Lines, on standard output
    Json,
}

/// The screen that a run is shown on.
pub(super) struct Screen {
    stderr: Stderr,
    stdout: Stdout,
}

impl Screen {
    /// Returns the process's own.
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
        verbose: bool,
    ) -> Box<dyn Reporter + 'a> {
        let verbosity = if verbose {
            Verbosity::Verbose
        } else {
            Verbosity::Normal
        };
        let view = View::new(plan.clone(), path, args::styling(), verbosity);
        if format == Format::Json {
            return Box::new(Json::new(view, &mut self.stdout));
        }
        if self.stderr.is_terminal() {
            let columns = args::look().width.unwrap_or(COLUMNS);
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

/// A run as it is shown, and as it is kept.
pub(super) struct Watch<'a> {
    reporter: Box<dyn Reporter + 'a>,
    journal: Journal,
}

impl<'a> Watch<'a> {
    /// Shows a run with `reporter` and keeps it in `journal`.
    pub fn new(reporter: Box<dyn Reporter + 'a>, journal: Journal) -> Self {
        Self { reporter, journal }
    }

    /// Shows how it ended.
    pub fn finish(&mut self, ended: &Ended) {
        self.reporter.finish(&ended.summary, &ended.outcome);
    }
}

impl Observer for Watch<'_> {
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
