//! Shows a run.

use std::io::{IsTerminal, Stderr, Stdout};
use std::sync::Arc;

use indicatif::ProgressDrawTarget;

use super::terminal;
use crate::plan::Plan;
use crate::report::{Json, Lines, Live, Reporter, Resume, Verbosity, View};

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

    /// Returns what a reporter here knows of `plan`.
    pub fn view(plan: &Arc<Plan>, resume: Resume, verbosity: Verbosity) -> View {
        let look = terminal::look(&std::io::stderr());
        View::new(plan.clone(), resume, look.styling, verbosity)
    }

    /// Returns the reporter for `format`: live rows on a terminal, else a line for each event.
    pub fn reporter<'a>(&'a mut self, format: Format, view: View) -> Box<dyn Reporter + 'a> {
        let look = terminal::look(&self.stderr);
        if format == Format::Json {
            return Box::new(Json::new(view, &mut self.stdout));
        }
        if self.stderr.is_terminal() {
            let columns = look.width.unwrap_or(DEFAULT_COLUMNS);
            let target = ProgressDrawTarget::stderr();
            return Box::new(Live::new(view, target, columns, &mut self.stderr));
        }
        Box::new(Lines::new(view, &mut self.stderr))
    }
}
