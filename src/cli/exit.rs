//! How a command fails, and the only place that prints an error.

use crate::diagnostic::{self, Diagnostic};
use crate::exit_code::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub struct Failure {
    code: ExitCode,
    diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// Returns a failure with one message.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            diagnostics: vec![Diagnostic::error(message)],
        }
    }

    /// Returns a failure with all that is wrong.
    pub fn of(code: ExitCode, diagnostics: Vec<Diagnostic>) -> Self {
        Self { code, diagnostics }
    }

    /// Returns the exit code.
    pub fn code(&self) -> ExitCode {
        self.code
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.pop() {
            self.diagnostics.push(last.help(help));
        }
        self
    }

    /// Prints the messages to standard error and returns the exit code.
    pub(super) fn print(self) -> ExitCode {
        warn(&self.diagnostics);
        self.code
    }
}

/// Returns what an error says, and what the errors below it say.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text += &format!(": {error}");
        below = error.source();
    }
    text
}

/// Prints diagnostics to standard error.
#[expect(clippy::print_stderr, reason = "the one printer of errors")]
pub(super) fn warn(diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let read = |file: &str| std::fs::read_to_string(file).ok();
    eprint!(
        "{}",
        diagnostic::render(diagnostics, &read, super::args::styling())
    );
}

/// Prints what clap says, and returns 64 for a wrong command line.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done about a closed standard error.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::Usage
    } else {
        ExitCode::Done
    }
}
