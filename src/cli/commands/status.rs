//! `mrsk status`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{Reading, selection};
use crate::cli::{output, status};
use crate::exit_code::ExitCode;

/// Arguments of `mrsk status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows what serves on each host, and what to do next.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let config = reading.config().clone();
    let placements = selection::any_hosts(&args.options.hosts, &config)?;
    let status = status::collect(&mut reading, &config, &args.options.hosts, placements).await;
    output::print(&reading.clean(&status::render(&status)))?;
    reading.finish()
}
