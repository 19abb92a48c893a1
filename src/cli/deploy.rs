//! `mrsk deploy` and `mrsk redeploy`

use super::args::{LinkArgs, ProjectArgs, SelectionArgs};
use super::exit::Failure;
use super::project::{self, Values};
use super::run::{self, RunArgs};
use super::{facts, plan};

/// Options of `mrsk deploy` and `mrsk redeploy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Compiles the plan that `mrsk plan NAME` prints, and applies it over the same connections.
pub(super) async fn run(args: Args, name: &str, verbose: bool) -> Result<u8, Failure> {
    let project = project::load(&args.project, Values::Needed)?;
    let root = project::root().await?;
    let source = project::source(&project.config, &root).await?;
    let operation = project::operation(&project.config, &args.selection, &source, name)?;
    let links = facts::open(&args.link, project::targets(&project.config))?;
    let made = match plan::look(&project, &links, &operation, source).await {
        Ok(facts) => plan::make(&project, &facts, &operation),
        Err(failure) => Err(failure),
    };
    let made = made.inspect_err(|_| links.close())?;
    plan::show_on_stderr(&made);
    if made.steps.is_empty() {
        links.close();
        return Ok(super::exit::DONE);
    }
    run::apply(made, &project, links, &args.run, &args.link, verbose).await
}
