//! `mrsk app images`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{Reading, Section, selection};
use crate::docker::listing;
use crate::exit_code::ExitCode;
use crate::facts;

/// Arguments of `mrsk app images`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the app's images on each host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let config = reading.config();
    let repository = config.repository();
    let command = listing::images(facts::familiar(&repository));
    let hosts = selection::app_hosts(&args.options.hosts, config)?;
    let sections = hosts.into_iter();
    let sections = sections.map(|host| Section::new("App", host, command.clone()));
    let sections = sections.collect();
    reading.show(sections).await?;
    reading.finish()
}
