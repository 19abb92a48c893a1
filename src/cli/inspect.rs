//! `mrsk inspect`

use super::args::{LinkArgs, ProjectArgs, SelectionArgs};
use super::exit::Failure;
use super::facts;
use super::project::{self, Values};
use crate::exit_code::ExitCode;
use crate::facts::document;

/// Options of `mrsk inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// Prints what the hosts, the registry and the work tree say.
pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let project = project::load(&args.project, Values::NamesOnly)?;
    let root = project::root().await?;
    let source = project::source(&project.config, &root).await?;
    let hosts = project::selected(&project.config, &args.selection.hosts)?;
    let links = facts::open(&args.link, project::targets(&project.config))?;
    let taken = facts::take(&project.config, &project.secrets, &links, &hosts).await;
    links.close();
    let registry = match project::release(&args.selection, &source) {
        Ok(release) => facts::registry(&project.config, &release.version).await,
        Err(_) => std::collections::BTreeMap::new(),
    };
    let facts = facts::document(taken?, registry, Some(source));
    let text = document::print(&facts)
        .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    project::print(&text)?;
    Ok(ExitCode::Done)
}
