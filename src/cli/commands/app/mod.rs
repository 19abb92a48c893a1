//! `mrsk app`

mod containers;
mod details;
mod exec;
mod images;
mod logs;
mod maintenance;
mod operation;
mod version;

use clap::Subcommand;

pub use self::operation::Operation;
use super::operations::ApplyOptions;
use crate::cli::failure::Failure;
use crate::exit_code::ExitCode;

/// The commands of `mrsk app`.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Operation(Operation<ApplyOptions>),
    /// Show the running containers of the app
    Details(details::Args),
    /// Show all containers of the app, also those that do not run
    Containers(containers::Args),
    /// Show the images of the app
    Images(images::Args),
    /// Run a command in containers of the app's image, or in those that run
    Exec(exec::Args),
    /// Show the logs of the app
    Logs(logs::Args),
    /// Show which version serves
    Version(version::Args),
}

/// Runs a command; an operation is planned and applied. Returns its status.
pub async fn run(command: Command) -> Result<u8, Failure> {
    let done = match command {
        Command::Operation(operation) => super::operations::run(operation.split()).await,
        Command::Exec(args) => return exec::run(args).await,
        Command::Details(args) => details::run(args).await,
        Command::Containers(args) => containers::run(args).await,
        Command::Images(args) => images::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Version(args) => version::run(args).await,
    };
    done.map(ExitCode::code)
}
