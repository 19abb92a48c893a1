//! The operations, and how `mrsk OPERATION` plans one and applies the plan.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{deploy, healthcheck, host, prune, redeploy, registry, rollback, server, setup};
use crate::cli::deploy_lock::{Ended, UrgencyOptions};
use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OnHosts, OperationArgs, asked};
use crate::cli::options::{HostsOption, LinkOptions, ProjectOptions};
use crate::cli::plan_and_apply::{Asks, PlanAndApply};
use crate::cli::planning::Asked;
use crate::cli::project::Project;
use crate::cli::run::RunOptions;
use crate::cli::{confirmation, git, source};
use crate::exit_code::ExitCode;
use crate::plan::OperationKind;

/// An operation that is in no group, with the options of the command that it was given to, which has further ones for a rollback. The groups,
/// such as `accessory`, have further commands beside their operations.
#[derive(Debug, Subcommand)]
pub enum Operation<O: Args, R: Args = O> {
    /// Deploy a version
    Deploy(Given<deploy::Args, O>),
    /// Redeploy: replace even unchanged containers; skip host setup and pruning
    Redeploy(Given<redeploy::Args, O>),
    /// Set up the hosts, start the accessories, and deploy
    Setup(Given<setup::Args, O>),
    /// Go back to an earlier version that the hosts still have, without downtime; nothing is built
    Rollback(Given<rollback::Args, R>),
    /// Remove everything: containers, accessories with their data, images, Traefik unless others use it
    Remove(Given<HostsOption, O>),
    /// Remove old containers and images
    #[command(subcommand)]
    Prune(prune::Operation<O>),
    /// Prepare hosts
    #[command(subcommand)]
    Server(server::Operation<O>),
    /// Try the health check of a version
    #[command(subcommand)]
    Healthcheck(healthcheck::Operation<O>),
    /// Take a host out of a load balancer, or back
    #[command(subcommand)]
    Host(host::Operation<O>),
    /// Keep a login at the registry on the hosts, or end it
    #[command(subcommand)]
    Registry(registry::Operation<O>),
}

impl<O: Args, R: Args + Into<O>> Operation<O, R> {
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
            Self::Healthcheck(_) => "healthcheck",
            Self::Host(_) => "host",
            Self::Registry(_) => "registry",
        }
    }

    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        match self {
            Self::Deploy(given) => (Box::new(given.arguments), given.options),
            Self::Redeploy(given) => (Box::new(given.arguments), given.options),
            Self::Setup(given) => (Box::new(given.arguments), given.options),
            Self::Rollback(given) => (Box::new(given.arguments), given.options.into()),
            Self::Remove(given) => {
                let kind = OperationKind::Remove;
                let hosts = given.arguments.hosts;
                (Box::new(OnHosts { kind, hosts }), given.options)
            }
            Self::Prune(operation) => operation.split(),
            Self::Server(operation) => operation.split(),
            Self::Healthcheck(operation) => operation.split(),
            Self::Host(operation) => operation.split(),
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

/// Those of `mrsk rollback`.
#[derive(Debug, Args)]
pub struct RollbackOptions {
    #[command(flatten)]
    apply: ApplyOptions,
    #[command(flatten)]
    urgency: UrgencyOptions,
}

impl From<RollbackOptions> for ApplyOptions {
    fn from(options: RollbackOptions) -> Self {
        let apply = options.apply;
        let run = apply.run.with_urgency(options.urgency);
        Self { run, ..apply }
    }
}

/// Compiles the plan that `mrsk plan OPERATION` prints, and applies it over the same connections.
pub async fn run(
    (arguments, options): (Box<dyn OperationArgs>, ApplyOptions),
) -> Result<ExitCode, Failure> {
    let execution = Execution::Allowed;
    let mut project = Project::load(&options.project, &execution)?;
    let root = git::root().await?;
    let mut source = source::read(project.config(), &root).await?;
    let operation = asked(&*arguments, project.config(), &source).await?;
    let asked = Asked {
        operation: &operation,
        lock_host: options.run.lock_host(),
    };
    asked.check(project.config())?;
    source::resolve(&mut source, &operation, &root).await;
    project.read_origins(&options.project)?;
    project.read_secrets(&options.project, &operation)?;
    project.read_sharers(&options.project, (&operation, &execution));
    let project = Arc::new(project);
    // Who watches a deploy is asked, too; a script is not held up.
    let is_watched = operation.deploys() && confirmation::can_ask();
    let is_confirmed = is_watched || arguments.is_confirmed() || operation.kind.is_confirmed();
    let applying = PlanAndApply {
        project: &project,
        asked: &asked,
        execution: &execution,
        run: &options.run,
        link: &options.link,
        asks: match is_confirmed && !options.yes {
            true => Asks::First,
            false => Asks::Never,
        },
        redactor: &project.redactor(&options.project, &execution),
    };
    applying.run(source).await.map(Ended::code)
}
