//! What is signed, and what can go wrong.

use crate::name::PlanDigest;

/// The namespace of the signatures: one made for anything else is refused.
pub(super) const NAMESPACE: &str = "mrsk-plan";

/// The greatest size of a signature file, in bytes.
pub const LONGEST_FILE: usize = 1024 * 1024;

/// Why plans cannot be signed, or signatures not be checked.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// `ssh-keygen` cannot be started.
    #[error("cannot run ssh-keygen: {0}")]
    Start(std::io::Error),
    /// `ssh-keygen` refuses; may be empty if the terminal showed why.
    #[error("ssh-keygen failed: {0}")]
    Refused(String),
    /// A temporary file cannot be written.
    #[error("cannot write a temporary file: {0}")]
    Temporary(std::io::Error),
    /// The file has something else than signatures.
    #[error("line {line} is not part of an SSH signature")]
    Format {
        /// The line, counted from 1.
        line: usize,
    },
}

/// Returns the line that is signed, with its newline.
pub fn signed_line(plan: &PlanDigest) -> String {
    format!("mrsk-plan-v1 {plan}\n")
}
