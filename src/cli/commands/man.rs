//! `mrsk man`

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::exit_code::ExitCode;

/// Arguments of `mrsk man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command, such as `app logs`; absent: mrsk itself
    #[arg(value_name = "COMMAND", conflicts_with = "directory")]
    command: Vec<String>,

    /// Write the pages of all commands into DIR
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Prints one page, or writes all.
pub fn run(args: Args, root: Command) -> Result<ExitCode, Failure> {
    if let Some(directory) = args.directory {
        let written = clap_mangen::generate_to(root, &directory);
        return written.map(|()| ExitCode::Done).map_err(|error| {
            let message = format!(
                "cannot write manual pages to {}: {error}",
                directory.display()
            );
            Failure::internal(message)
        });
    }
    let mut root = root;
    root.build();
    let mut words = args.command.iter();
    let found = words.try_fold(&root, |command, word| command.find_subcommand(word));
    let Some(command) = found else {
        let message = format!("unknown command `{}`", args.command.join(" "));
        return Err(Failure::new(ExitCode::Usage, message).help("see `mrsk --help`"));
    };
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(Failure::internal)?;
    output::print(&String::from_utf8_lossy(&page))
}
