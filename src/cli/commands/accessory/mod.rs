//! `mrsk accessory`

mod boot;
mod details;

use clap::Subcommand;

use super::operations::ApplyOptions;
use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OperationArgs};
use crate::exit_code::ExitCode;

/// Operations on accessories: also below `mrsk plan`.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Start accessories that do not exist yet; existing ones are left unchanged
    Boot(Given<boot::Args, O>),
}

/// The commands of `mrsk accessory`.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Operation(Operation<ApplyOptions>),
    /// Show the containers of accessories
    Details(details::Args),
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        match self {
            Self::Boot(given) => (Box::new(given.arguments), given.options),
        }
    }
}

/// Runs a command that changes nothing; returns an operation to be planned and applied.
pub async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Operation(operation) => super::operations::run(operation.split()).await,
        Command::Details(args) => details::run(args).await,
    }
}
