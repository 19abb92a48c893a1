//! `mrsk config`

use crate::cli::execution::ExecutionOptions;
use crate::cli::failure::Failure;
use crate::cli::options::ProjectOptions;
use crate::cli::output;
use crate::cli::project::Project;
use crate::config::render;
use crate::exit_code::ExitCode;
use crate::text;

/// Arguments of `mrsk config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    execution: ExecutionOptions,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
}

/// How the configuration is printed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Prints the resolved configuration.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let execution = args.execution.execution(&args.project)?;
    let project = Project::load(&args.project, &execution)?;
    let json = render::with_translations(project.loaded());
    match args.format {
        Format::Yaml => output::print(&text::escape(&render::yaml(&json))),
        Format::Json => output::print_json(&format!("{json:#}\n")),
    }
}
