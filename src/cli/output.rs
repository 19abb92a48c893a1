//! What commands print: their result on standard output; plans for review, warnings and errors on standard error.

use std::io::Write;

use super::failure::Failure;
use super::terminal;
use crate::diagnostic::{self, Diagnostic};
use crate::exit_code::ExitCode;
use crate::plan::Plan;
use crate::show;

/// Prints a command's result to standard output, with which it is done.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    let failure = |error| Failure::internal(format!("cannot write to standard output: {error}"));
    written.map(|()| ExitCode::Done).map_err(failure)
}

/// Prints warnings or errors to standard error.
#[expect(clippy::print_stderr, reason = "the one printer of errors")]
pub fn print_diagnostics(diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let read = |file: &str| std::fs::read_to_string(file).ok();
    let styling = terminal::look(&std::io::stderr()).styling;
    eprint!("{}", diagnostic::render(diagnostics, &read, styling));
}

/// Shows a plan on standard error.
#[expect(
    clippy::print_stderr,
    reason = "standard output is the plan's JSON alone"
)]
pub fn show_plan(plan: &Plan) {
    let mut text = Vec::new();
    if show::table(plan, terminal::look(&std::io::stderr()), &mut text).is_ok() {
        eprint!("{}", String::from_utf8_lossy(&text));
    }
}
