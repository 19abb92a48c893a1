//! `mrsk traefik`

mod details;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::exit_code::ExitCode;

/// The commands of `mrsk traefik`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show Traefik's container
    Details(details::Args),
}

/// Runs a command.
pub async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Details(args) => details::run(args).await,
    }
}
