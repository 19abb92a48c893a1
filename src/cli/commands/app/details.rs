//! `mrsk app details`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{self, Reading};
use crate::docker::listing::Containers;
use crate::exit_code::ExitCode;

/// Arguments of `mrsk app details`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the running containers of each role on each host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let sections =
        reading::app_containers(reading.config(), &args.options.hosts, Containers::Running)?;
    reading.show(sections).await?;
    reading.finish()
}
