//! `mrsk version`

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::exit_code::ExitCode;

/// Prints the version of mrsk.
pub fn run() -> Result<ExitCode, Failure> {
    output::print(concat!(env!("CARGO_PKG_VERSION"), "\n"))
}
