//! The secrets files of Kamal, such as `.kamal/secrets`: assignments whose values are texts, refer to other variables, or are what a
//! command prints.
//!
//! A command is data here. It is run by a [`Runner`], when the value is needed for the first time, and once.

mod credential;
mod files;
mod origins;
mod parse;
mod sources;

pub use files::{SecretsFile, SecretsFiles, is_usual};
pub use origins::Origins;
pub use parse::Command;
pub use sources::{Lookup, Runner, SecretSources};

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
