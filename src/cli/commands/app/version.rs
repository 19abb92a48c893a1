//! `mrsk app version`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{Reading, selection};
use crate::exit_code::ExitCode;
use crate::plan::compile::Standing;

/// Arguments of `mrsk app version`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows which version serves each role on each host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let config = reading.config().clone();
    let facts = reading
        .facts(selection::app_hosts(&args.options.hosts, &config)?)
        .await;
    for (host, role) in selection::roles(&args.options.hosts, &config)? {
        if !facts.contains_key(host) {
            continue;
        }
        let serving = reading.serving(host, role, &facts);
        let serving = serving.filter(|serving| serving.standing != Standing::Stopped);
        let version = serving.map_or_else(|| "nothing runs".to_owned(), |serving| serving.version);
        reading.print_section(&config, (host, role), &version)?;
    }
    reading.finish()
}
