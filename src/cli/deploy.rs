//! `mrsk deploy`, `mrsk redeploy`, `mrsk setup` and `mrsk accessory boot`

use super::args::{LinkArgs, ProjectArgs, SelectionArgs};
use super::exit::Failure;
use super::project::{self, Project, Values};
use super::run::{self, RunArgs};
use super::{facts, plan};
use crate::exit_code::ExitCode;
use crate::facts::model::SourceFacts;
use crate::name::HostName;
use crate::plan::{Accessories, Operation, OperationKind, Release};

/// Options of `mrsk deploy`, `mrsk redeploy` and `mrsk setup`.
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

/// What can be done with accessories.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AccessoryCommand {
    /// Start the accessories that do not exist yet; those that do are left as they are
    Boot(BootArgs),
}

/// Options of `mrsk accessory boot`.
#[derive(Debug, clap::Args)]
pub(super) struct BootArgs {
    /// Names of accessories, or `all`
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Only on these hosts, separated by commas
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    hosts: Vec<HostName>,

    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Compiles the plan that `mrsk plan deploy` or `redeploy` prints, and applies it over the same connections.
pub(super) async fn run(
    args: Args,
    kind: fn(Release) -> OperationKind,
    verbose: bool,
) -> Result<ExitCode, Failure> {
    release(args, kind, Values::Needed, verbose).await
}

/// Compiles the plan that `mrsk plan setup` prints, and applies it over the same connections.
pub(super) async fn setup(args: Args, verbose: bool) -> Result<ExitCode, Failure> {
    let values = Values::Accessories {
        accessories: Accessories::All,
        app: true,
    };
    release(args, OperationKind::Setup, values, verbose).await
}

async fn release(
    args: Args,
    kind: fn(Release) -> OperationKind,
    values: Values,
    verbose: bool,
) -> Result<ExitCode, Failure> {
    let project = project::load(&args.project, values)?;
    let root = project::root().await?;
    let source = project::source(&project.config, &root).await?;
    let kind = kind(project::release(&args.selection, &source)?);
    let operation = project::operation(&project.config, &args.selection.hosts, kind);
    plan_and_apply(&project, operation, source, &args.link, &args.run, verbose).await
}

/// Compiles the plan that `mrsk plan accessory boot NAME` prints, and applies it over the same connections.
pub(super) async fn boot(args: BootArgs, verbose: bool) -> Result<ExitCode, Failure> {
    let accessories = Accessories::named(&args.names);
    let values = Values::Accessories {
        accessories: accessories.clone(),
        app: false,
    };
    let project = project::load(&args.project, values)?;
    let root = project::root().await?;
    let source = project::source(&project.config, &root).await?;
    let operation = project::accessory_boot(&project.config, accessories, &args.hosts);
    plan_and_apply(&project, operation, source, &args.link, &args.run, verbose).await
}

async fn plan_and_apply(
    project: &Project,
    operation: Operation,
    source: SourceFacts,
    link: &LinkArgs,
    run: &RunArgs,
    verbose: bool,
) -> Result<ExitCode, Failure> {
    let links = facts::open(link, project::targets(&project.config))?;
    let made = match plan::look(project, &links, &operation, source).await {
        Ok(facts) => plan::make(project, &facts, &operation),
        Err(failure) => Err(failure),
    };
    let made = made.inspect_err(|_| links.close())?;
    plan::show_on_stderr(&made);
    if made.steps.is_empty() {
        links.close();
        return Ok(ExitCode::Done);
    }
    run::apply(made, project, links, run, link, verbose).await
}
