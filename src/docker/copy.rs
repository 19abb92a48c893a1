//! The command that copies a file out of a container.

use crate::action::Run;

/// Returns the command that copies the file `from` of `container` to the path `to` of its host.
pub fn copy_from(container: &str, from: &str, to: &str) -> Run {
    Run::literal(["docker", "cp", &format!("{container}:{from}"), to])
}
