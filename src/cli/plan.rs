//! `mrsk plan`

use std::path::PathBuf;

use clap::ValueEnum;

use super::args::{LinkArgs, ProjectArgs, SelectionArgs};
use super::exit::Failure;
use super::facts;
use super::project::{self, Project, Values};
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, SourceFacts};
use crate::plan::{Accessories, Operation, OperationKind, Plan, compile, leak, wire};
use crate::secret::Secrets;
use crate::show;
use crate::text::one_line;

/// Options of `mrsk plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to plan
    #[arg(value_enum, default_value_t = Kind::Deploy)]
    operation: Kind,

    /// With `accessory`: `boot`, and names of accessories or `all`
    #[arg(value_name = "boot NAME")]
    words: Vec<String>,

    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    link: LinkArgs,

    /// Plan from recorded facts (of `mrsk inspect`) instead of asking the hosts; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "fresh")]
    facts: Option<PathBuf>,

    /// Plan as if every host were bare, without asking any
    #[arg(long)]
    fresh: bool,

    /// Do not look up the values of secrets, only record their names
    #[arg(long)]
    no_secrets: bool,

    /// Exit with 2 where there are changes
    #[arg(long)]
    detailed_exitcode: bool,
}

/// The operations that can be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Deploy a version
    Deploy,
    /// Prepare the hosts, start the accessories, and deploy
    Setup,
    /// Start accessories: `accessory boot NAME`
    Accessory,
    /// Deploy a version, and replace also containers that run it; prepare no host, and prune nothing
    Redeploy,
}

/// Prints the plan to standard output, and shows it on standard error.
pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let accessories = booted(&args)?;
    let values = match args.operation {
        _ if args.no_secrets || args.facts.is_some() => Values::NamesOnly,
        Kind::Deploy | Kind::Redeploy => Values::Needed,
        Kind::Setup | Kind::Accessory => Values::Accessories {
            accessories,
            app: args.operation == Kind::Setup,
        },
    };
    let project = project::load(&args.project, values)?;
    let (facts, operation) = known(&args, &project).await?;
    let plan = make(&project, &facts, &operation)?;
    let text =
        wire::to_json(&plan).map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    project::print(&text)?;
    show_on_stderr(&plan);
    let changes = !plan.steps.is_empty();
    Ok(if args.detailed_exitcode && changes {
        ExitCode::Changes
    } else {
        ExitCode::Done
    })
}

/// Returns the accessories that are to be started: the words after `accessory boot`.
fn booted(args: &Args) -> Result<Accessories, Failure> {
    let usage = |problem: &str| {
        Err(Failure::new(ExitCode::Usage, problem)
            .help("write `mrsk plan accessory boot NAME`, with `all` for every accessory"))
    };
    match (args.operation, args.words.as_slice()) {
        (Kind::Setup, []) => Ok(Accessories::All),
        (Kind::Deploy | Kind::Redeploy, []) => Ok(Accessories::Named(Vec::new())),
        (Kind::Accessory, [verb, names @ ..]) if verb == "boot" && !names.is_empty() => {
            Ok(Accessories::named(names))
        }
        (Kind::Accessory, _) => usage("of accessories, `boot NAME` can be planned"),
        (_, [word, ..]) => usage(&format!("`{}` is one word too many", one_line(word))),
    }
}

/// Returns the operation that the options name.
fn asked(args: &Args, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
    let kind = match args.operation {
        Kind::Deploy => OperationKind::Deploy,
        Kind::Redeploy => OperationKind::Redeploy,
        Kind::Setup => OperationKind::Setup,
        Kind::Accessory => {
            let hosts = &args.selection.hosts.hosts;
            return Ok(project::accessory_boot(config, booted(args)?, hosts));
        }
    };
    let release = project::release(&args.selection, source)?;
    Ok(project::operation(
        config,
        &args.selection.hosts,
        kind(release),
    ))
}

/// Returns the facts that the options name, and the operation.
async fn known(args: &Args, project: &Project) -> Result<(Facts, Operation), Failure> {
    let config = &project.config;
    let root = project::root().await?;
    if let Some(path) = &args.facts {
        let mut facts = facts::read(path)?;
        facts.secrets_compared = false;
        let source = facts.source.clone().unwrap_or_default();
        let operation = asked(args, config, &source)?;
        return Ok((facts, operation));
    }
    let source = project::source(config, &root).await?;
    let operation = asked(args, config, &source)?;
    if args.fresh {
        let hosts = facts::fresh(config);
        let facts = facts::document(hosts, std::collections::BTreeMap::new(), Some(source));
        return Ok((facts, operation));
    }
    let links = facts::open(&args.link, project::targets(config))?;
    let facts = look(project, &links, &operation, source).await;
    links.close();
    Ok((facts?, operation))
}

/// Takes the facts that an operation needs.
pub(super) async fn look(
    project: &Project,
    links: &std::sync::Arc<crate::apply::links::Links>,
    operation: &Operation,
    source: SourceFacts,
) -> Result<Facts, Failure> {
    let config = &project.config;
    let selected = compile::selected_hosts(config, operation)
        .map_err(|diagnostics| Failure::of(ExitCode::Usage, diagnostics))?;
    let hosts = facts::with_lock_host(config, selected);
    let registry = async {
        match operation.kind.release() {
            Some(release) if release.skip_push => facts::registry(config, &release.version).await,
            Some(_) | None => std::collections::BTreeMap::new(),
        }
    };
    let (taken, registry) = tokio::join!(
        facts::take(config, &project.secrets, links, &hosts),
        registry
    );
    let mut facts = facts::document(taken?, registry, Some(source));
    facts.secrets_compared = !project.secrets.is_empty();
    facts::refuse_twins(&facts)?;
    Ok(facts)
}

/// Compiles the plan, and refuses one that holds a secret.
pub(super) fn make(
    project: &Project,
    facts: &Facts,
    operation: &Operation,
) -> Result<Plan, Failure> {
    compile::selected_hosts(&project.config, operation)
        .map_err(|diagnostics| Failure::of(ExitCode::Usage, diagnostics))?;
    let plan = compile::compile(&project.config, facts, operation)
        .map_err(|problems| Failure::of(ExitCode::Configuration, project.placed(problems)))?;
    refuse_leak(&plan, &project.secrets)?;
    Ok(plan)
}

fn refuse_leak(plan: &Plan, secrets: &Secrets) -> Result<(), Failure> {
    let document = serde_json::to_value(plan)
        .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    match leak::find(&document, secrets) {
        None => Ok(()),
        Some(leak) => Err(Failure::of(
            ExitCode::Configuration,
            vec![
                Diagnostic::error(format!(
                    "the plan would hold the value of secret {} in clear, at {}",
                    leak.secret, leak.place
                ))
                .help("give that setting by the secret's name, or choose another value for the secret"),
            ],
        )),
    }
}

/// Shows a plan on standard error.
#[expect(
    clippy::print_stderr,
    reason = "the table goes to standard error, so that standard output is the plan alone"
)]
pub(super) fn show_on_stderr(plan: &Plan) {
    let look = super::args::look();
    let mut text = Vec::new();
    if show::table(plan, look, &mut text).is_ok() {
        eprint!("{}", String::from_utf8_lossy(&text));
    }
}
