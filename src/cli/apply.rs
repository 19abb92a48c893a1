//! `mrsk apply`

use std::path::PathBuf;

use super::args::LinkArgs;
use super::exit::Failure;
use super::run::{self, RunArgs};
use super::{facts, project};
use crate::exit_code::ExitCode;
use crate::plan::wire;

/// Options of `mrsk apply`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plan; `-` reads standard input
    plan: PathBuf,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    run: RunArgs,

    /// File with secrets, instead of .env.DEST and .env in the current directory; DEST is the plan's destination
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

/// Applies a plan, or finishes one that was begun.
pub(super) async fn run(args: Args, verbose: bool) -> Result<ExitCode, Failure> {
    let text = facts::read_text(&args.plan)?;
    let plan = wire::read_strict(&text)
        .map_err(|error| Failure::new(ExitCode::Damaged, format!("{}: {error}", args.plan.display())).help(
            "make the plan again with `mrsk plan`; to review one of another version use `mrsk show`",
        ))?;
    let destination = plan.operation.destination.clone();
    let environment = project::environment(args.env_file.as_deref(), destination.as_deref())?;
    let targets = plan
        .hosts
        .iter()
        .map(|(name, host)| {
            (
                name.clone(),
                project::planned_target(name, &host.ssh, &host.host_keys),
            )
        })
        .collect();
    let links = facts::open(&args.link, targets)?;
    run::apply(plan, &environment, links, &args.run, &args.link, verbose).await
}
