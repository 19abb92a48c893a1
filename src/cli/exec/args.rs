//! The arguments of a command that users run once.

use super::words::words;
use crate::cli::failure::Failure;

/// What is run, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct ExecArgs {
    /// The command; what follows its first word belongs to it. One argument is split into words as a shell does; several are taken as they are
    #[arg(value_name = "CMD", required = true)]
    command: Vec<String>,

    /// Run on one host, with the input and the terminal of this command
    #[arg(short, long)]
    pub interactive: bool,

    /// Run in the container that runs, instead of a new one
    #[arg(long)]
    pub reuse: bool,
}

impl ExecArgs {
    /// Returns the words of the command.
    pub fn words(&self) -> Result<Vec<String>, Failure> {
        words(&self.command)
    }

    /// Returns the command as the audit log has it.
    pub fn shown(&self) -> String {
        self.command.join(" ")
    }
}
