//! `mrsk completions`

use clap::Command;
use clap_complete::Shell;

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::exit_code::ExitCode;

/// Arguments of `mrsk completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Name,
}

/// The shells that there are completions for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Name {
    Bash,
    Zsh,
    Fish,
}

/// Prints the completions.
pub fn run(args: Args, mut command: Command) -> Result<ExitCode, Failure> {
    let shell = match args.shell {
        Name::Bash => Shell::Bash,
        Name::Zsh => Shell::Zsh,
        Name::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "mrsk", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
