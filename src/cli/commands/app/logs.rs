//! `mrsk app logs`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{LogArgs, LogOf, Reading, Section, selection};
use crate::exit_code::ExitCode;

/// Arguments of `mrsk app logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the logs of the containers that serve; of those that ran last where none runs.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let config = reading.config().clone();
    let hosts = args.logs.hosts(args.options.hosts);
    let facts = reading.facts(selection::app_hosts(&hosts, &config)?).await;
    let mut logs = Vec::new();
    for (host, role) in selection::roles(&hosts, &config)? {
        for serving in reading.serving_all(host, role, &facts) {
            logs.push(LogOf {
                container: serving.name.to_owned(),
                section: Section::of_role(&config, host, role),
            });
        }
    }
    reading.logs(logs, &args.logs).await
}
