//! `mrsk show`

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::failure::Failure;
use crate::cli::{input, output, terminal};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::plan::wire;
use crate::{show, text};

/// Arguments of `mrsk show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan; `-` reads standard input
    plan: PathBuf,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How a plan is shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For the terminal
    Table,
    /// For a comment on a pull request
    Markdown,
    /// The graph of steps, for Mermaid
    Mermaid,
    /// The graph of steps, for Graphviz
    Dot,
    /// Every command as a line for a shell
    Commands,
}

/// Prints the plan in the format asked for.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let json = input::read_plan_text(&args.plan)?;
    let (plan, unknown) = wire::read_for_review(&json).map_err(|error| {
        let message = format!("{}: {error}", args.plan.display());
        Failure::new(ExitCode::Damaged, message)
    })?;
    if !unknown.is_empty() {
        output::print_diagnostics(&[Diagnostic::warning(format!(
            "the plan was made by a newer mrsk; not shown: {}",
            text::list(&unknown)
        ))]);
    }
    let shown = match args.format {
        Format::Table => {
            let mut table = Vec::new();
            show::table(&plan, terminal::look(&std::io::stdout()), &mut table)
                .map_err(Failure::internal)?;
            String::from_utf8_lossy(&table).into_owned()
        }
        Format::Markdown => show::markdown(&plan),
        Format::Mermaid => show::mermaid(&plan),
        Format::Dot => show::dot(&plan),
        Format::Commands => show::commands(&plan),
    };
    output::print(&shown)
}
