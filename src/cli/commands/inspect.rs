//! `mrsk inspect`

use crate::cli::execution::ExecutionOptions;
use crate::cli::failure::Failure;
use crate::cli::inspection::Question;
use crate::cli::options::{HostOptions, LinkOptions, ProjectOptions, VersionOptions};
use crate::cli::project::Project;
use crate::cli::registry::Registry;
use crate::cli::unreachable::Asked;
use crate::cli::{connections, git, inspection, operation, output, registry, source};
use crate::exit_code::ExitCode;
use crate::facts::{Compared, Extent, document};

/// Arguments of `mrsk inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    execution: ExecutionOptions,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    hosts: HostOptions,
    #[command(flatten)]
    version: VersionOptions,
}

/// Prints the facts of the hosts, the registry and the work tree.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let execution = args.execution.execution(&args.project)?;
    let project = Project::load(&args.project, &execution)?;
    let config = project.config();
    let root = git::root().await?;
    let mut source = source::read(config, &root).await?;
    let asked = Asked {
        selected: operation::selected_hosts(&args.hosts, config)?,
        lock_host: None,
    };
    let links = connections::to_configured(&args.link, &project, &execution)?;
    let version = operation::version(&args.version, &source);
    if let Ok(version) = &version {
        source::resolve_version(&mut source, version, &root).await;
    }
    let question = Question {
        extent: Extent::Whole,
        secrets: &project.secrets,
        compared: Compared::Running,
        version: version.as_deref().unwrap_or_default(),
    };
    let hosts = inspection::take(config, &question, &links, &asked).await;
    links.close();
    let digests = match version {
        Ok(version) => registry::digests(config, &project.secrets, &version).await?,
        Err(_) => Registry::default(),
    };
    let facts = inspection::document(hosts?, digests, Some(source));
    let text = document::print(&facts).map_err(Failure::internal)?;
    output::print_json(&text)
}
