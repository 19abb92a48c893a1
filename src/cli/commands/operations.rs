//! The operations, and how `mrsk OPERATION` plans one and applies the plan.

use clap::{Args, Subcommand};

use super::{deploy, prune, redeploy, registry, rollback, server, setup};
use crate::cli::approval::Approved;
use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OnHosts, OperationArgs};
use crate::cli::options::{HostsOption, LinkOptions, ProjectOptions};
use crate::cli::planning::Asked;
use crate::cli::project::Project;
use crate::cli::run::{self, RunOptions};
use crate::cli::{confirmation, connections, context, git, output, planning, source};
use crate::exit_code::ExitCode;
use crate::plan::OperationKind;

/// An operation that is in no group, with the options of the command that it was given to. The groups, such as `accessory`, have
/// further commands beside their operations.
#[derive(Debug, Subcommand)]
pub enum Operation<O: Args> {
    /// Deploy a version
    Deploy(Given<deploy::Args, O>),
    /// Redeploy: replace even unchanged containers; skip host setup and pruning
    Redeploy(Given<redeploy::Args, O>),
    /// Set up the hosts, start the accessories, and deploy
    Setup(Given<setup::Args, O>),
    /// Go back to an earlier version that the hosts still have, without downtime; nothing is built
    Rollback(Given<rollback::Args, O>),
    /// Remove everything: containers, accessories with their data, images, Traefik unless others use it
    Remove(Given<HostsOption, O>),
    /// Remove old containers and images
    #[command(subcommand)]
    Prune(prune::Operation<O>),
    /// Prepare hosts
    #[command(subcommand)]
    Server(server::Operation<O>),
    /// Keep a login at the registry on the hosts, or end it
    #[command(subcommand)]
    Registry(registry::Operation<O>),
}

impl<O: Args> Operation<O> {
    /// Returns its name on the command line.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Deploy(_) => "deploy",
            Self::Redeploy(_) => "redeploy",
            Self::Setup(_) => "setup",
            Self::Rollback(_) => "rollback",
            Self::Remove(_) => "remove",
            Self::Prune(_) => "prune",
            Self::Server(_) => "server",
            Self::Registry(_) => "registry",
        }
    }

    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        match self {
            Self::Deploy(given) => (Box::new(given.arguments), given.options),
            Self::Redeploy(given) => (Box::new(given.arguments), given.options),
            Self::Setup(given) => (Box::new(given.arguments), given.options),
            Self::Rollback(given) => (Box::new(given.arguments), given.options),
            Self::Remove(given) => {
                let kind = OperationKind::Remove;
                let hosts = given.arguments.hosts;
                (Box::new(OnHosts { kind, hosts }), given.options)
            }
            Self::Prune(operation) => operation.split(),
            Self::Server(operation) => operation.split(),
            Self::Registry(registry::Operation::Login(given)) => {
                (Box::new(given.arguments), given.options)
            }
            Self::Registry(registry::Operation::Logout(given)) => {
                (Box::new(given.arguments), given.options)
            }
        }
    }
}

/// Options of commands that plan an operation and apply the plan.
#[derive(Debug, Args)]
pub struct ApplyOptions {
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    run: RunOptions,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// Compiles the plan that `mrsk plan OPERATION` prints, and applies it over the same connections.
pub async fn run(
    (arguments, options): (Box<dyn OperationArgs>, ApplyOptions),
) -> Result<ExitCode, Failure> {
    let execution = Execution::Allowed;
    let mut project = Project::load(&options.project, &execution)?;
    let root = git::root().await?;
    let mut source = source::read(project.config(), &root).await?;
    let operation = arguments.operation(project.config(), &source)?;
    let asked = Asked {
        operation: &operation,
        lock_host: options.run.lock_host(),
    };
    asked.check(project.config())?;
    source::resolve(&mut source, &operation, &root).await;
    project.read_secrets(&options.project, &operation)?;
    project.read_sharers(&options.project, (&operation, &execution));
    let links = connections::to_configured(&options.link, project.config(), &execution)?;
    let facts = planning::inspect(&project, &links, &asked, source).await;
    let plan = facts.and_then(|facts| planning::compile(&project, &facts, &asked));
    let plan = match plan {
        Ok(plan) => context::check(&project, &plan).await.map(|()| plan),
        Err(failure) => Err(failure),
    };
    let plan = plan.inspect_err(|_| links.close())?;
    output::show_plan(&plan);
    if plan.steps.is_empty() {
        links.close();
        return Ok(ExitCode::Done);
    }
    // Who watches a deploy is asked, too; a script is not held up.
    let is_watched = operation.deploys() && confirmation::can_ask();
    let is_confirmed = is_watched || arguments.is_confirmed() || operation.kind.is_confirmed();
    if is_confirmed && !options.yes {
        confirmation::ask(&plan).inspect_err(|_| links.close())?;
    }
    let approved = Approved::of_own(&plan);
    run::apply(
        plan,
        &approved,
        &project,
        links,
        &options.run,
        &options.link,
    )
    .await
}
