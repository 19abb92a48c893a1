//! `mrsk traefik logs`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{LogArgs, LogOf, Reading, Section, selection};
use crate::docker::names::TRAEFIK;
use crate::exit_code::ExitCode;

/// Arguments of `mrsk traefik logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the logs of Traefik.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let reading = Reading::open(&args.options)?;
    let hosts = args.logs.hosts(args.options.hosts);
    let hosts = selection::traefik_hosts(&hosts, reading.config())?;
    let logs = hosts.into_iter().map(|host| LogOf {
        container: TRAEFIK.to_owned(),
        section: Section {
            help: Some("if it does not exist, `mrsk traefik boot` starts it".to_owned()),
            ..Section::titled("Traefik", host)
        },
    });
    let logs = logs.collect();
    reading.logs(logs, &args.logs).await
}
