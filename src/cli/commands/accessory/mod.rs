//! `mrsk accessory`

mod boot;
mod details;
mod exec;
mod logs;

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
    /// Run a command in containers of an accessory's image, or in the one that runs
    Exec(exec::Args),
    /// Show the logs of accessories
    Logs(logs::Args),
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        match self {
            Self::Boot(given) => (Box::new(given.arguments), given.options),
        }
    }
}

/// Runs a command; an operation is planned and applied. Returns its status.
pub async fn run(command: Command) -> Result<u8, Failure> {
    let done = match command {
        Command::Exec(args) => return exec::run(args).await,
        Command::Operation(operation) => super::operations::run(operation.split()).await,
        Command::Details(args) => details::run(args).await,
        Command::Logs(args) => logs::run(args).await,
    };
    done.map(ExitCode::code)
}
