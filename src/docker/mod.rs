//! Pure builders: what is wanted of docker, as argument vectors. Nothing here runs anything.

pub mod apart;
pub mod assets;
pub mod builder;
mod cache;
pub mod container;
pub mod copy;
pub mod ignore;
pub mod image;
pub mod listing;
pub mod local_command;
pub mod logs;
pub mod names;
pub mod network;
pub mod once;
pub mod owner;

use crate::action::Run;

/// Returns the command that prints the version of docker's client.
pub fn version() -> Run {
    Run::literal(["docker", "--version"])
}

#[cfg(test)]
mod tests;
