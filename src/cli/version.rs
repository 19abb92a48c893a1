//! `mrsk version`

use super::exit::Failure;
use super::project::print;
use crate::exit_code::ExitCode;

/// Prints the version.
pub(super) fn run() -> Result<ExitCode, Failure> {
    print(&format!("{}\n", env!("CARGO_PKG_VERSION")))?;
    Ok(ExitCode::Done)
}
