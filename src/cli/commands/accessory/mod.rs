//! `mrsk accessory`

mod details;
mod exec;
mod logs;
mod operation;

use clap::Subcommand;

pub use self::operation::Operation;
use super::operations::ApplyOptions;
use crate::cli::failure::Failure;
use crate::exit_code::ExitCode;

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
