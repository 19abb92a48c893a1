//! `mrsk app`

mod containers;
mod details;
mod images;
mod logs;
mod version;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::exit_code::ExitCode;

/// The commands of `mrsk app`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the running containers of the app
    Details(details::Args),
    /// Show all containers of the app, also those that do not run
    Containers(containers::Args),
    /// Show the images of the app
    Images(images::Args),
    /// Show the logs of the app
    Logs(logs::Args),
    /// Show which version serves
    Version(version::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Details(args) => details::run(args).await,
        Command::Containers(args) => containers::run(args).await,
        Command::Images(args) => images::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Version(args) => version::run(args).await,
    }
}
