//! How the program ends: named exit codes, and the only place that prints an error.

use std::process::ExitCode;

use crate::diagnostic::{self, Diagnostic};

/// Everything was done, or there was nothing to do.
pub const DONE: u8 = 0;
/// A step failed; applying the plan again resumes it.
pub const FAILED: u8 = 1;
/// `plan --detailed-exitcode`: there are changes.
pub const CHANGES: u8 = 2;
/// The plan does not fit the world any more: stale, superseded, or made from another source.
pub const STALE: u8 = 3;
/// The plan is damaged, or of a version or with fields that this mrsk does not know.
pub const DAMAGED: u8 = 5;
/// The command line is wrong.
pub const USAGE: u8 = 64;
/// Hosts cannot be reached.
pub const UNREACHABLE: u8 = 69;
/// The configuration is invalid, or something that it names is missing.
pub const CONFIGURATION: u8 = 78;

/// Why a command ended early.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// Returns a failure with one message.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            diagnostics: vec![Diagnostic::error(message)],
        }
    }

    /// Returns a failure with all that is wrong.
    pub fn of(code: u8, diagnostics: Vec<Diagnostic>) -> Self {
        Self { code, diagnostics }
    }

    /// Returns the exit code.
    pub fn code(&self) -> u8 {
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
        ExitCode::from(self.code)
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
        diagnostic::render(diagnostics, &read, super::args::color())
    );
}

/// Prints what clap says, and returns 64 for a wrong command line.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done about a closed standard error.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::from(DONE)
    }
}
