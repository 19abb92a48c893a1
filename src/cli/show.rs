//! `mrsk show`

use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::{self, Failure};
use super::{facts, project};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::plan::wire;
use crate::show;

/// Options of `mrsk show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plan; `-` reads standard input
    plan: PathBuf,

    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How a plan is shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal
    Table,
    /// For a comment on a pull request
    Markdown,
    /// The graph, for Mermaid
    Mermaid,
    /// The graph, for Graphviz
    Dot,
    /// Each command as it will run
    Commands,
}

/// Prints the plan in the format asked for.
pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let text = facts::read_text(&args.plan)?;
    let (plan, unknown) = wire::read_for_review(&text).map_err(|error| {
        Failure::new(
            ExitCode::Damaged,
            format!("{}: {error}", args.plan.display()),
        )
    })?;
    if !unknown.is_empty() {
        exit::warn(&[Diagnostic::warning(format!(
            "the plan was made by a newer mrsk; not shown: {}",
            unknown.join(", ")
        ))]);
    }
    let shown = match args.format {
        Format::Table => {
            let mut out = Vec::new();
            show::table(&plan, super::args::look_on_stdout(), &mut out)
                .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
            String::from_utf8_lossy(&out).into_owned()
        }
        Format::Markdown => show::markdown(&plan),
        Format::Mermaid => show::mermaid(&plan),
        Format::Dot => show::dot(&plan),
        Format::Commands => show::commands(&plan),
    };
    project::print(&shown)?;
    Ok(ExitCode::Done)
}
