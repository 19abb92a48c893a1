//! `mrsk config`

use super::args::ProjectArgs;
use super::exit::Failure;
use super::project;
use crate::config::render;
use crate::exit_code::ExitCode;

/// Options of `mrsk config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    project: ProjectArgs,

    /// Format of the output
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
pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let loaded = project::load_config(&args.project)?;
    let text = match args.format {
        Format::Yaml => render::to_yaml(&loaded.config),
        Format::Json => format!("{:#}\n", render::to_json(&loaded.config)),
    };
    project::print(&text)?;
    Ok(ExitCode::Done)
}
