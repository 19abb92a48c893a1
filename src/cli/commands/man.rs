//! `mrsk man`

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::exit_code::ExitCode;

/// What stands at the foot of each page.
const SOURCE: &str = concat!("mrsk ", env!("CARGO_PKG_VERSION"));

/// Arguments of `mrsk man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command, such as `app logs`; absent: mrsk itself
    #[arg(value_name = "COMMAND", conflicts_with = "directory")]
    command: Vec<String>,

    /// Write the pages of all commands into DIR, which is created if it does not exist
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Prints one page, or writes all.
pub fn run(args: Args, root: Command) -> Result<ExitCode, Failure> {
    let mut root = root.disable_help_subcommand(true);
    root.build();
    if let Some(directory) = args.directory {
        let written = std::fs::create_dir_all(&directory).and_then(|()| write(&root, &directory));
        return written.map(|()| ExitCode::Done).map_err(|error| {
            let message = format!(
                "cannot write manual pages to {}: {error}",
                directory.display()
            );
            Failure::internal(message)
        });
    }
    let mut words = args.command.iter();
    let found = words.try_fold(&root, |command, word| command.find_subcommand(word));
    let Some(command) = found else {
        let message = format!("unknown command `{}`", args.command.join(" "));
        return Err(Failure::new(ExitCode::Usage, message).help("see `mrsk --help`"));
    };
    let page = page(command).map_err(Failure::internal)?;
    output::print(&String::from_utf8_lossy(&page))
}

/// Writes the page of a command and those of the commands below it.
fn write(command: &Command, directory: &Path) -> io::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    std::fs::write(directory.join(format!("{name}.1")), page(command)?)?;
    let mut inner = command.get_subcommands().filter(|one| !one.is_hide_set());
    inner.try_for_each(|command| write(command, directory))
}

/// Returns the page of a command.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).source(SOURCE).manual("mrsk");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    page.extend(synopsis(command.clone()).bytes());
    man.render_description_section(&mut page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut page)?;
    }
    if command.get_subcommands().next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    page.extend(exit_status().bytes());
    Ok(page)
}

/// Returns the section that says how a command is typed, as its help does.
fn synopsis(mut command: Command) -> String {
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let lines: Vec<String> = usage.lines().map(|line| escaped(line.trim())).collect();
    format!(".SH SYNOPSIS\n{}\n", lines.join("\n.br\n"))
}

/// Returns the section with the exit codes.
fn exit_status() -> String {
    let codes = ExitCode::all().map(|exit| {
        let meaning = escaped(exit.meaning());
        format!(".TP\n\\fB{}\\fR\n{meaning}\n", exit.code())
    });
    format!(".SH EXIT STATUS\n{}", codes.concat())
}

/// Returns text of which roff takes nothing for its own.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_how_the_command_is_typed_and_of_which_version_it_is() {
        let inner = Command::new("in").about("Do it").arg(clap::arg!(<NAME>));
        let mut root = Command::new("mrsk").subcommand(inner);
        root.build();
        let inner = root.find_subcommand("in").unwrap();
        let text = String::from_utf8(page(inner).unwrap()).unwrap();
        assert!(text.contains(".SH SYNOPSIS\nmrsk in <NAME>\n"), "{text}");
        assert!(text.contains(&format!("\"{SOURCE}\"")), "{text}");
        assert!(text.contains(".SH EXIT STATUS\n.TP\n\\fB0\\fR\n"), "{text}");
        assert_eq!(escaped(".a-b\\"), "\\&.a\\-b\\\\");
    }
}
