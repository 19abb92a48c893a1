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
    let mut reading = Reading::open(&args.options)?;
    let config = reading.config().clone();
    let accessories = selection::accessories(&args.name, &args.options.hosts, &config)?;
    let mut hosts: Vec<_> = accessories.iter().map(|(host, _)| *host).collect();
    hosts.dedup();
    let facts = reading.facts(hosts).await;
    let mut logs = Vec::new();
    for (host, accessory) in accessories {
        let container = names::accessory(&config, accessory);
        let of_host = facts.get(host);
        if of_host.is_none_or(|facts| reading.is_foreign(host, &container, facts)) {
            continue;
        }
        let boot = format!("`mrsk accessory boot {}` starts it", accessory.name);
        let section = Section {
            help: Some(format!("if it does not exist, {boot}")),
            ..Section::titled(format!("Accessory {}", accessory.name), host)
        };
        logs.push(LogOf { container, section });
    }
    reading.logs(logs, &args.logs).await
}
