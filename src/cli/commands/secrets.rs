//! `mrsk secrets`

use std::io::Read;

use zeroize::Zeroizing;

use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::options::ProjectOptions;
use crate::cli::output;
use crate::cli::project::Project;
use crate::cli::stores::{self, ExtractArgs, FetchArgs, StoreError};
use crate::exit_code::ExitCode;

/// The most that is read from standard input, in bytes.
const MAX_INPUT: u64 = 8 << 20;

/// The commands below `mrsk secrets`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print secrets of a store as a JSON object
    Fetch(FetchArgs),
    /// Print one value of what `fetch` printed
    Extract(ExtractArgs),
    /// Print the names and values of the secrets files, for debugging: all their commands are run
    Print(PrintArgs),
}

/// Arguments of `mrsk secrets print`.
#[derive(Debug, clap::Args)]
pub struct PrintArgs {
    #[command(flatten)]
    project: ProjectOptions,
}

/// Prints what the command names, to standard output: a value is what it is for.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    let failed =
        |StoreError { message, help }| Failure::new(ExitCode::Configuration, message).help(help);
    match command {
        Command::Fetch(args) => {
            let fetched = stores::fetch(&args).map_err(failed)?;
            output::print(&format!("{}\n", fetched.reveal()))
        }
        Command::Extract(args) => {
            let value = match args.secrets.as_str() {
                "-" => stores::extract(&args.name, &read_input()?),
                secrets => stores::extract(&args.name, secrets),
            };
            output::print(&format!("{}\n", value.map_err(failed)?.reveal()))
        }
        Command::Print(args) => print(&args.project),
    }
}

fn read_input() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin().take(MAX_INPUT).read_to_string(&mut text);
    read.map_err(|error| {
        let message = format!("cannot read standard input: {error}");
        Failure::new(ExitCode::Usage, message)
    })?;
    Ok(text)
}

fn print(options: &ProjectOptions) -> Result<ExitCode, Failure> {
    let project = Project::load(options, &Execution::Allowed)?;
    let mut lines = Zeroizing::new(String::new());
    for (name, value) in project.all_of_files(options)? {
        lines.push_str(&format!("{name}={}\n", value.reveal()));
    }
    output::print(&lines)
}
