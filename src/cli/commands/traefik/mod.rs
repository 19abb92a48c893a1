//! `mrsk traefik`

mod details;
mod logs;
mod operation;

use clap::Subcommand;

pub use self::operation::Operation;
use super::operations::ApplyOptions;
use crate::cli::failure::Failure;
use crate::exit_code::ExitCode;

/// The commands of `mrsk traefik`.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Operation(Operation<ApplyOptions>),
    /// Show Traefik's container
    Details(details::Args),
    /// Show the logs of Traefik
    Logs(logs::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Operation(operation) => super::operations::run(operation.split()).await,
        Command::Details(args) => details::run(args).await,
        Command::Logs(args) => logs::run(args).await,
    }
}
