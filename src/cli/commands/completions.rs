//! `mrsk completions`

use clap::Command;
use clap_complete::Shell;

use crate::cli::failure::Failure;
use crate::cli::{alias, output};
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

/// Prints the completions, with the aliases of the project in the current directory, if there is one.
pub fn run(args: Args, command: Command) -> Result<ExitCode, Failure> {
    let shell = match args.shell {
        Name::Bash => Shell::Bash,
        Name::Zsh => Shell::Zsh,
        Name::Fish => Shell::Fish,
    };
    let aliases = alias::all().into_iter();
    let mut command = aliases.fold(command, |command, (name, line)| {
        // The command line has them until the program ends, which is at once.
        let name: &'static str = name.leak();
        let alias = Command::default().name(name);
        command.subcommand(alias.about(format!("Alias of `{line}`")))
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "mrsk", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
