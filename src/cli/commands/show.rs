//! `mrsk show`

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::failure::Failure;
use crate::cli::options::LinkOptions;
use crate::cli::{input, output, terminal, trust};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::{show, text};

/// Arguments of `mrsk show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan file; `-` for standard input
    plan: PathBuf,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// OpenSSH configuration, instead of ~/.ssh/config, that names the `known_hosts` to compare host keys with [env: MRSK_SSH_CONFIG]
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
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
    /// Every command as a line to read; files and waits are comments
    Commands,
}

/// Prints the plan in the format asked for.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let (plan, unknown) = input::read_plan_for_review(&args.plan)?;
    if !unknown.is_empty() {
        output::print_diagnostics(&[Diagnostic::warning(format!(
            "the plan was made by a newer mrsk; not shown: {}",
            text::list(&unknown)
        ))]);
    }
    let concerns = match args.format {
        Format::Table | Format::Markdown => {
            let link = LinkOptions {
                ssh_config: args.ssh_config,
                ..LinkOptions::default()
            };
            let (concerns, warning) = trust::concerns(&plan, &link).await;
            output::print_diagnostics(warning.as_slice());
            concerns
        }
        Format::Mermaid | Format::Dot | Format::Commands => Vec::new(),
    };
    let shown = match args.format {
        Format::Table => {
            let mut table = Vec::new();
            show::table(
                &plan,
                &concerns,
                terminal::look(&std::io::stdout()),
                &mut table,
            )
            .map_err(Failure::internal)?;
            String::from_utf8_lossy(&table).into_owned()
        }
        Format::Markdown => show::markdown(&plan, &concerns),
        Format::Mermaid => show::mermaid(&plan),
        Format::Dot => show::dot(&plan),
        Format::Commands => show::commands(&plan),
    };
    output::print(&shown)
}
