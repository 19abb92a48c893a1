//! `mrsk lock`

use clap::Subcommand;

use super::args::{LinkArgs, ProjectArgs};
use super::exit::Failure;
use super::facts;
use super::project::{self, Values};
use crate::exit_code::ExitCode;
use crate::text::one_line;
use crate::transport::answer::ReleaseAnswer;

/// Options of `mrsk lock`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    link: LinkArgs,
}

/// What is done with the lock.
#[derive(Debug, Clone, Copy, Subcommand)]
enum Verb {
    /// Show who holds it
    Status,
    /// Free it, whoever holds it: only where that run is surely dead
    Release,
}

/// Shows or frees the deploy lock on the primary host.
pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let project = project::load(&args.project, Values::NamesOnly)?;
    let config = &project.config;
    let Some(host) = config.primary_host() else {
        return Err(Failure::new(
            ExitCode::Configuration,
            "the configuration has no host",
        ));
    };
    let links = facts::open(&args.link, project::targets(config))?;
    let unreachable = |message: String| Failure::new(ExitCode::Unreachable, message);
    let text = async {
        let linked = links
            .get(host)
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        match args.verb {
            Verb::Status => linked.lock_status().await.map(|state| match state {
                Some(state) => state.text + "\n",
                None => "There is no deploy lock\n".to_owned(),
            }),
            Verb::Release => linked.release_any().await.map(|answer| match answer {
                ReleaseAnswer::Released => "Released the deploy lock\n".to_owned(),
                _ => "There is no deploy lock\n".to_owned(),
            }),
        }
        .map_err(|error| unreachable(format!("{host}: {error}")))
    };
    let text = text.await;
    links.close();
    let shown: String = text?.lines().map(|line| one_line(line) + "\n").collect();
    project::print(&shown)?;
    Ok(ExitCode::Done)
}
