//! `mrsk traefik details`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{self, Reading};
use crate::exit_code::ExitCode;

/// Arguments of `mrsk traefik details`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the container on each host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let sections = reading::traefik_containers(reading.config(), &args.options.hosts)?;
    reading.show(sections).await?;
    reading.finish()
}
