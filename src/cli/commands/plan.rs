//! `mrsk plan`

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use super::operations::Operation;
use super::{accessory, app, build, deploy, traefik};
use crate::cli::execution::{Execution, ExecutionOptions};
use crate::cli::failure::Failure;
use crate::cli::operation::{self, OperationArgs};
use crate::cli::options::{LinkOptions, ProjectOptions};
use crate::cli::planning::Asked;
use crate::cli::project::Project;
use crate::cli::registry::Registry;
use crate::cli::{
    connections, context, git, input, inspection, output, planning, pre_connect, source,
};
use crate::exit_code::ExitCode;
use crate::facts::model::Facts;
use crate::name::HostName;
use crate::plan::{self, compile};

/// Arguments of `mrsk plan`.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_value_name = "OPERATION",
    subcommand_help_heading = "Operations (default: deploy)"
)]
pub struct Args {
    #[command(subcommand)]
    operation: Option<Planned>,

    #[command(flatten)]
    deploy: deploy::Args,
    #[command(flatten)]
    options: Options,
}

/// Options of every operation below `mrsk plan`; they may stand before or after its name.
#[derive(Debug, clap::Args)]
struct Options {
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    execution: ExecutionOptions,
    #[command(flatten)]
    link: LinkOptions,

    /// Plan from facts that `mrsk inspect` printed, without connecting to the hosts; `-` for standard input
    #[arg(long, value_name = "FILE", global = true)]
    facts: Option<PathBuf>,

    /// Plan for hosts on which nothing is installed, without connecting to them
    #[arg(long, global = true)]
    fresh: bool,

    /// Do not read the values of secrets; changed secrets are not detected
    #[arg(long, global = true)]
    no_secrets: bool,

    /// Plan with the deploy lock on HOST instead of the primary host; use only if that one is dead
    #[arg(long, value_name = "HOST", global = true)]
    lock_host: Option<HostName>,

    /// Write the plan to FILE instead of standard output; a name that ends with .zst compresses it
    #[arg(short, long, value_name = "FILE", global = true)]
    output: Option<PathBuf>,

    /// Also write the undo to FILE: a plan that brings back what serves now, whatever part of this one was applied
    #[arg(long, value_name = "FILE", global = true)]
    undo: Option<PathBuf>,

    /// Exit with 2 if the plan has steps
    #[arg(long, global = true)]
    detailed_exitcode: bool,
}

/// An operation below `mrsk plan` has no options besides its own and those of `mrsk plan`.
#[derive(Debug, clap::Args)]
struct NoOptions {}

/// Every operation.
#[derive(Debug, clap::Subcommand)]
enum Planned {
    #[command(flatten)]
    Operation(Operation<NoOptions>),
    /// Operations on accessories, such as databases
    #[command(subcommand)]
    Accessory(accessory::Operation<NoOptions>),
    /// Build, push and pull the image
    #[command(subcommand)]
    Build(build::Operation<NoOptions>),
    /// Operations on the app's containers and images
    #[command(subcommand)]
    App(app::Operation<NoOptions>),
    /// Operations on the reverse proxy
    #[command(subcommand)]
    Traefik(traefik::Operation<NoOptions>),
}

impl Planned {
    fn arguments(self) -> Box<dyn OperationArgs> {
        match self {
            Self::Operation(operation) => operation.split().0,
            Self::Accessory(operation) => operation.split().0,
            Self::App(operation) => operation.split().0,
            Self::Build(operation) => operation.split().0,
            Self::Traefik(operation) => operation.split().0,
        }
    }
}

/// Where the facts come from.
#[derive(Clone, Copy)]
enum FactsFrom<'a> {
    Hosts,
    File(&'a Path),
    Nothing,
}

/// Prints the plan to standard output, and shows it on standard error.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let options = args.options;
    let facts_from = facts_from(&options)?;
    check_undo(&options)?;
    let arguments: Box<dyn OperationArgs> = match args.operation {
        None => Box::new(args.deploy),
        Some(operation) => operation.arguments(),
    };
    let execution = options.execution.execution(&options.project)?;
    let mut project = Project::load(&options.project, &execution)?;
    let planning = Planning {
        options: &options,
        facts_from,
        execution: &execution,
    };
    let (facts, operation) = planning.inspect(&mut project, &*arguments).await?;
    let asked = planning.asked(&operation);
    // Their memory ends with the process: freeing each text of a large plan would take a tenth of the time.
    let facts = ManuallyDrop::new(facts);
    let plan = ManuallyDrop::new(planning::compile(&project, &facts, &asked)?);
    if !matches!(facts_from, FactsFrom::File(_)) {
        context::check(&project, &plan).await?;
    }
    let undo = match &options.undo {
        Some(file) => Some((planning::undo(&project, &facts, &asked, &plan)?, file)),
        None => None,
    };
    if let Some((undo, file)) = &undo {
        output::write_plan(undo, file)?;
    }
    match &options.output {
        Some(file) => output::write_plan(&plan, file)?,
        None => drop(output::print_plan(&plan)?),
    }
    output::show_plan(&plan);
    if let Some((undo, file)) = &undo {
        output::show_undo(undo, file);
    }
    Ok(match options.detailed_exitcode && !plan.steps.is_empty() {
        true => ExitCode::Changes,
        false => ExitCode::Done,
    })
}

/// Fails if the plan and its undo would go to the same place.
fn check_undo(options: &Options) -> Result<(), Failure> {
    let (message, help) = match &options.undo {
        Some(file) if file.as_os_str() == "-" => (
            "`--undo` cannot write to standard output",
            "name a file: the plan goes to standard output",
        ),
        Some(file) if options.output.as_ref() == Some(file) => (
            "`--undo` and `--output` name the same file",
            "name two files: the undo is a plan of its own",
        ),
        _ => return Ok(()),
    };
    Err(Failure::new(ExitCode::Usage, message).help(help))
}

/// Returns where the facts come from. clap cannot refuse these conflicts, as the options may stand on both sides of the operation.
fn facts_from(options: &Options) -> Result<FactsFrom<'_>, Failure> {
    let (facts_from, option) = match (&options.facts, options.fresh) {
        (None, false) => return Ok(FactsFrom::Hosts),
        (Some(file), false) => (FactsFrom::File(file), "--facts"),
        (_, true) => (FactsFrom::Nothing, "--fresh"),
    };
    let other = match options.facts {
        Some(_) if options.fresh => Some("--facts"),
        Some(_) if options.no_secrets => Some("--no-secrets"),
        _ => options.link.given(),
    };
    match other {
        None => Ok(facts_from),
        Some(other) => {
            let message = format!("`{option}` cannot be used with `{other}`");
            let help = match (option, other) {
                ("--facts", "--no-secrets") => {
                    "omit `--no-secrets`: with recorded facts no secret is read".to_owned()
                }
                (_, "--facts") => "use one of them".to_owned(),
                (option, other) => format!("omit `{other}`: `{option}` connects to no host"),
            };
            Err(Failure::new(ExitCode::Usage, message).help(help))
        }
    }
}

/// How a plan is made.
struct Planning<'a> {
    options: &'a Options,
    facts_from: FactsFrom<'a>,
    execution: &'a Execution,
}

impl Planning<'_> {
    fn asked<'o>(&'o self, operation: &'o plan::Operation) -> Asked<'o> {
        Asked {
            operation,
            lock_host: self.options.lock_host.as_ref(),
        }
    }

    /// Fails if the operation cannot be planned as the options say, before a host is asked.
    fn check(&self, operation: &plan::Operation, project: &Project) -> Result<(), Failure> {
        self.asked(operation).check(project.config())?;
        match self.options.undo {
            Some(_) => compile::check_undo(operation)
                .map_err(|problems| Failure::of(ExitCode::Usage, problems)),
            None => Ok(()),
        }
    }

    /// Reads or takes the facts that the operation needs, and the secrets.
    async fn inspect(
        &self,
        project: &mut Project,
        arguments: &dyn OperationArgs,
    ) -> Result<(Facts, plan::Operation), Failure> {
        let options = self.options;
        project.read_origins(&options.project)?;
        if let FactsFrom::File(file) = self.facts_from {
            let mut facts = input::read_facts(file)?;
            facts.secrets_compared = false;
            let source = facts.source.clone().unwrap_or_default();
            let operation = operation::asked(arguments, project.config(), &source).await?;
            self.check(&operation, project)?;
            project.read_sharers(&options.project, (&operation, self.execution));
            return Ok((facts, operation));
        }
        let root = git::root().await?;
        let mut source = source::read(project.config(), &root).await?;
        let operation = operation::asked(arguments, project.config(), &source).await?;
        self.check(&operation, project)?;
        source::resolve(&mut source, &operation, &root).await;
        project.read_sharers(&options.project, (&operation, self.execution));
        if !options.no_secrets && *self.execution == Execution::Allowed {
            project.read_secrets(&options.project, &operation)?;
        }
        if let FactsFrom::Nothing = self.facts_from {
            let hosts = inspection::bare_hosts(project.config());
            let facts = inspection::document(hosts, Registry::default(), Some(source));
            return Ok((facts, operation));
        }
        let links = connections::to_configured(&options.link, project, self.execution)?;
        if *self.execution == Execution::Allowed {
            pre_connect::before_plan(project, &source, &operation).await?;
        }
        let facts = planning::inspect(project, &links, &self.asked(&operation), source).await;
        links.close();
        Ok((facts?, operation))
    }
}
