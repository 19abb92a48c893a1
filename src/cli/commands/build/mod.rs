//! `mrsk build`

mod details;
mod operation;

use clap::Subcommand;

pub use self::operation::Operation;
use super::operations::ApplyOptions;
use crate::cli::failure::Failure;
use crate::exit_code::ExitCode;

/// The commands of `mrsk build`.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Operation(Box<Operation<ApplyOptions>>),
    /// Show how the image is built, and the builders of this machine
    Details(details::Args),
}

/// Runs a command; an operation is planned and applied.
pub async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Operation(operation) => super::operations::run(operation.split()).await,
        Command::Details(args) => details::run(args).await,
    }
}
