//! The command line: `commands` has one file for each command, which reads options, calls and renders; the rest are its helpers.

mod alias;
mod approval;
mod audit;
mod commands;
mod compression;
mod confirmation;
mod connections;
mod context;
mod environment;
mod exec;
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
mod pointers;
mod project;
mod random;
mod reading;
mod registry;
mod run;
mod screen;
mod short_hosts;
mod source;
mod status;
mod terminal;
mod trust;
mod unreachable;
mod usage;
mod walk;

pub use commands::{become_command, command_line, run};
