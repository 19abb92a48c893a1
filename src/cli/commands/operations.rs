//! The operations, and how `mrsk OPERATION` plans one and applies the plan.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{deploy, healthcheck, host, prune, redeploy, registry, rollback, server, setup};
use crate::apply::driver::signals;
use crate::apply::links::Links;
use crate::apply::state::Outcome;
use crate::cli::approval::Approved;
use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OnHosts, OperationArgs, asked};
use crate::cli::options::{HostsOption, LinkOptions, ProjectOptions};
use crate::cli::planning::Asked;
use crate::cli::preemption::{Ended, UrgencyOptions, Wanted};
use crate::cli::project::Project;
use crate::cli::run::{self, RunOptions};
use crate::cli::{confirmation, connections, context, git, output, planning, source};
use crate::exit_code::ExitCode;
use crate::facts::model::SourceFacts;
use crate::name::RunId;
use crate::plan::{OperationKind, Plan};
use crate::record::Scope;
use crate::report::Planner;

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

/// How often hosts are looked at, and planned for, before a command that applies its own plan gives up: they may change all the time.
const LOOKS: usize = 3;

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
    let applying = Applying {
        arguments: &*arguments,
        options: &options,
        project: &project,
        asked: &asked,
        execution: &execution,
    };
    let urgency = options.run.urgency();
    if !urgency.is_given() {
        return applying.run(source, None).await.map(Ended::code);
    }
    let config = project.config();
    let host = asked.lock_host.or(config.primary_host()).cloned();
    let no_hosts = || {
        let message = "the configuration has no hosts";
        Failure::new(ExitCode::Configuration, message)
    };
    let wanted = Wanted {
        links: connections::to_configured(&options.link, config, &execution)?,
        host: host.ok_or_else(no_hosts)?,
        scope: Scope {
            service: config.service.clone(),
            destination: config.destination.clone(),
        },
        command: operation.name().to_owned(),
        wait: options.run.lock_wait(),
        take_over: options.run.take_over(),
        redactor: &project.redactor(&options.project, &execution),
    };
    let run = |run| applying.run(source, run);
    wanted.hold_around(urgency, run).await.map(Ended::code)
}

/// An operation that is being planned and applied.
struct Applying<'a> {
    arguments: &'a dyn OperationArgs,
    options: &'a ApplyOptions,
    project: &'a Arc<Project>,
    asked: &'a Asked<'a>,
    execution: &'a Execution,
}

impl Applying<'_> {
    /// Plans and applies as `run`, which may hold the deploy lock already. Where the hosts have changed since they were looked at, as by the
    /// last steps of a run that was killed, it plans again.
    async fn run(&self, source: SourceFacts, run: Option<RunId>) -> Result<Ended, Failure> {
        let mut shown = None;
        for _ in 1..LOOKS {
            let options = self.options.run.for_run(run.clone());
            let ended = self
                .try_once(
                    source.clone(),
                    options.planned_by(Planner::Command),
                    &mut shown,
                )
                .await?;
            if !is_outdated(&ended) {
                return Ok(ended);
            }
        }
        let options = self.options.run.for_run(run);
        self.try_once(source, options, &mut shown).await
    }

    /// Plans, and applies as `given` says. A plan with the steps of the one that was `shown` is not asked about again.
    async fn try_once(
        &self,
        source: SourceFacts,
        given: RunOptions,
        shown: &mut Option<Plan>,
    ) -> Result<Ended, Failure> {
        let (options, project) = (self.options, self.project);
        let links = connections::to_configured(&options.link, project.config(), self.execution)?;
        let planned = self.plan(&links, source, shown.as_ref());
        let plan = match given.has_lock() {
            false => planned.await,
            // The lock that is held is released.
            true => tokio::select! {
                plan = planned => plan,
                () = signals::received(signals::stopping()) => {
                    let failure = Failure::new(ExitCode::Interrupted, "interrupted");
                    Err(failure.help("nothing was changed, and the deploy lock is released"))
                }
            },
        };
        let plan = plan.inspect_err(|_| links.close())?;
        if plan.steps.is_empty() {
            links.close();
            return Ok(Ended::NothingToDo);
        }
        *shown = Some(plan.clone());
        let approved = Approved::of_own(&plan);
        run::apply(
            plan,
            &approved,
            project.clone(),
            links,
            &given,
            &options.link,
        )
        .await
        .map(Ended::Applied)
    }

    /// Looks at the hosts, shows the plan, and asks, unless its steps are those of the plan that was `shown`. The plan may have no steps.
    async fn plan(
        &self,
        links: &Arc<Links>,
        source: SourceFacts,
        shown: Option<&Plan>,
    ) -> Result<Plan, Failure> {
        let (project, asked) = (self.project, self.asked);
        let operation = asked.operation;
        let facts = planning::inspect(project, links, asked, source).await?;
        let plan = planning::compile(project, &facts, asked)?;
        context::check(project, &plan).await?;
        output::show_plan(&plan);
        // Who watches a deploy is asked, too; a script is not held up.
        let is_watched = operation.deploys() && confirmation::can_ask();
        let is_confirmed =
            is_watched || self.arguments.is_confirmed() || operation.kind.is_confirmed();
        let is_known = shown.is_some_and(|shown| shown.steps == plan.steps);
        if is_confirmed && !is_known && !self.options.yes && !plan.steps.is_empty() {
            confirmation::ask(&plan).await?;
        }
        Ok(plan)
    }
}

/// Returns whether a plan was older than what its hosts are, and has changed nothing.
fn is_outdated(ended: &Ended) -> bool {
    matches!(ended, Ended::Applied(Outcome::Stale { .. }))
}
