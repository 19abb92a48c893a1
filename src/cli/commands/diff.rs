//! `mrsk diff`

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::failure::Failure;
use crate::cli::{input, output, terminal};
use crate::exit_code::ExitCode;
use crate::show;

/// What the command ends with if the plans differ, as `diff` does.
const DIFFERENT: ExitCode = ExitCode::Failed;

/// Arguments of `mrsk diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The old plan file; `-` for standard input
    old: PathBuf,

    /// The new plan file; `-` for standard input
    new: PathBuf,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How the difference is shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A document with a JSON pointer for each value that differs
    Json,
}

/// Prints what differs between two plans. Ends with 1 if anything does.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let standard_input = Path::new("-");
    if args.old == standard_input && args.new == standard_input {
        let message = "only one of the plans can be standard input";
        return Err(Failure::new(ExitCode::Usage, message).help("name a file for the other one"));
    }
    let old = input::read_plan(&args.old)?;
    let new = input::read_plan(&args.new)?;
    let difference = show::difference(&old, &new).map_err(Failure::internal)?;
    match args.format {
        Format::Text => {
            let styling = terminal::look(&std::io::stdout()).styling;
            output::print(&show::render_difference(&difference, &old, &new, styling))?;
        }
        Format::Json => {
            let text = serde_json::to_string_pretty(&difference).map_err(Failure::internal)?;
            output::print_json(&(text + "\n"))?;
        }
    }
    Ok(match difference.equal {
        true => ExitCode::Done,
        false => DIFFERENT,
    })
}
