//! `mrsk accessory logs`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{LogArgs, LogOf, Reading, Section, selection};
use crate::docker::names;
use crate::exit_code::ExitCode;

/// Arguments of `mrsk accessory logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of an accessory, or `all`
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the logs of an accessory.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let reading = Reading::open(&args.options)?;
    let config = reading.config();
    let accessories = selection::accessories(&args.name, &args.options.hosts, config)?;
    let logs = accessories.into_iter().map(|(host, accessory)| LogOf {
        container: names::accessory(config, accessory),
        section: Section::titled(format!("Accessory {}", accessory.name), host),
    });
    let logs = logs.collect();
    reading.logs(logs, &args.logs).await
}
