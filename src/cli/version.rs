//! `mrsk version`

use super::exit::{DONE, Failure};
use super::project::print;

/// Prints the version.
pub(super) fn run() -> Result<u8, Failure> {
    print(&format!("{}\n", env!("CARGO_PKG_VERSION")))?;
    Ok(DONE)
}
