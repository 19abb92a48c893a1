//! Approval of a plan by people: OpenSSH signatures over its digest. A digest alone protects against accidents; a signature
//! shows who approved these bytes.
//!
//! A signature file holds armored SSHSIG blocks (the format of `ssh-keygen -Y sign`), one after the other. Each signs
//! [`signed_line`] in the namespace `mrsk-plan`, so `ssh-keygen -Y verify` and `mrsk verify` accept the same files.

mod block;
mod format;
mod sign;
mod verify;

pub use format::{ApprovalError, LONGEST_FILE, signed_line};
pub use sign::sign;
pub use verify::{Signature, Verification, verify};
