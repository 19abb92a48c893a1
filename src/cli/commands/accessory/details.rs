//! `mrsk accessory details`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{self, Reading};
use crate::exit_code::ExitCode;

/// Arguments of `mrsk accessory details`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of an accessory, or `all`
    #[arg(value_name = "NAME", default_value = "all")]
    name: String,
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the container on each host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let sections =
        reading::accessory_containers(reading.config(), &args.name, &args.options.hosts)?;
    reading.show(sections).await?;
    reading.finish()
}
