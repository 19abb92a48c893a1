//! `mrsk lock`

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::options::{LinkOptions, ProjectOptions};
use crate::cli::project::Project;
use crate::cli::{connections, output};
use crate::exit_code::ExitCode;
use crate::text;
use crate::transport::answer::ReleaseAnswer;

/// Arguments of `mrsk lock`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    link: LinkOptions,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Show who holds the lock
    Status,
    /// Force-release the lock; only if its holder is dead
    Release,
}

/// Shows or releases the deploy lock on the primary host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let project = Project::load(&args.project)?;
    let config = project.config();
    let Some(host) = config.primary_host() else {
        let message = "the configuration has no hosts";
        return Err(Failure::new(ExitCode::Configuration, message));
    };
    let links = connections::to_configured(&args.link, config)?;
    let shown = async {
        let linked = links.get(host).await?;
        let state = match args.command {
            Command::Status => linked.lock_status().await?.map(|state| state.text),
            Command::Release => match linked.release_any().await? {
                ReleaseAnswer::Released => Some("released the deploy lock".to_owned()),
                _ => None,
            },
        };
        Ok(state.unwrap_or_else(|| "the deploy lock is free".to_owned()) + "\n")
    };
    let shown = shown.await;
    links.close();
    let shown = shown.map_err(|failure| {
        let problem = connections::diagnostic(host, &failure);
        Failure::of(ExitCode::Unreachable, vec![problem])
    })?;
    output::print(&text::escape(&shown))
}
