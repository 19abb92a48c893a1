//! `mrsk build details`

use std::time::Duration;

use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::options::ProjectOptions;
use crate::cli::output;
use crate::cli::project::Project;
use crate::docker::builder;
use crate::exit_code::ExitCode;
use crate::record::Ending;
use crate::text;
use crate::transport::local::{self, LocalCommand};

/// The longest that docker may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Arguments of `mrsk build details`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    project: ProjectOptions,
}

/// Shows the kind of builder, its machines, and what docker knows of them.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let project = Project::load(&args.project, &Execution::of_environment())?;
    output::print(&text::escape(&builder::describe(project.config())))?;
    for argv in builder::details(project.config()) {
        let line = text::command_line(&argv);
        let command = LocalCommand {
            argv,
            timeout: Some(LIMIT),
            ..LocalCommand::default()
        };
        let outcome = local::run(&command, |_| {}).await.map_err(|error| {
            Failure::internal(format!("cannot run `{line}`: {error}"))
                .help("install docker on this machine")
        })?;
        if outcome.ending != Ending::Succeeded {
            let said = text::escape(outcome.tail.trim_end());
            return Err(Failure::internal(format!("`{line}` failed: {said}")));
        }
        output::print(&text::escape(&format!("\n{}", outcome.stdout)))?;
    }
    Ok(ExitCode::Done)
}
