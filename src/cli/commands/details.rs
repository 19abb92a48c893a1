//! `mrsk details`

use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{self, Reading};
use crate::docker::listing::Containers;
use crate::exit_code::ExitCode;

/// Arguments of `mrsk details`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: ReadOptions,
}

/// Shows the containers of Traefik, the app and its accessories.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut reading = Reading::open(&args.options)?;
    let (config, hosts) = (reading.config(), &args.options.hosts);
    let app = reading::app_containers(config, hosts, Containers::Running)?;
    // That the selected hosts have none of these is no error here.
    let traefik = reading::traefik_containers(config, hosts).unwrap_or_default();
    let accessories = reading::accessory_containers(config, "all", hosts).unwrap_or_default();
    let sections = traefik.into_iter().chain(app).chain(accessories);
    reading.show(sections.collect()).await?;
    reading.finish()
}
