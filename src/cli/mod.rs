//! The command line: `commands` has one file for each command, which reads options, calls and renders; the rest are its helpers.

mod approval;
mod commands;
mod confirmation;
mod connections;
mod context;
mod environment;
mod execution;
mod failure;
mod git;
mod input;
mod inspection;
mod missing;
mod operation;
mod options;
mod output;
mod planning;
mod project;
mod random;
mod reading;
mod registry;
mod run;
mod screen;
mod source;
mod terminal;
mod trust;
mod usage;

pub use commands::{become_command, run};
