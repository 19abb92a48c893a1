//! How a command fails.

use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;

/// Why a command ended early.
#[derive(Debug)]
pub struct Failure {
    /// How the program ends.
    pub exit_code: ExitCode,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// Returns a failure with one message.
    pub fn new(exit_code: ExitCode, message: impl Into<String>) -> Self {
        Self::of(exit_code, vec![Diagnostic::error(message)])
    }

    /// Returns a failure of mrsk or of this machine.
    pub fn internal(error: impl ToString) -> Self {
        Self::new(ExitCode::Failed, error.to_string())
    }

    /// Returns a failure with everything that is wrong.
    pub fn of(exit_code: ExitCode, diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            exit_code,
            diagnostics,
        }
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.pop() {
            self.diagnostics.push(last.help(help));
        }
        self
    }
}
