//! `mrsk envify`

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::environment::{self, Machine};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::config::{self, dotenv};
use crate::diagnostic::Diagnostic;
use crate::erb::{self, Evaluated};
use crate::exit_code::ExitCode;
use crate::repository::{FileKind, Repository};

/// Arguments of `mrsk envify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write .env.DEST from .env.DEST.erb
    #[arg(short, long, value_name = "DEST")]
    destination: Option<String>,
}

/// Renders the template and writes the result; writes nothing if there is an error.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let destination = args.destination.as_deref();
    if let Some(problem) = destination.and_then(config::check_destination) {
        return Err(Failure::of(ExitCode::Usage, vec![problem]));
    }
    let file = match destination {
        Some(destination) => format!(".env.{destination}"),
        None => ".env".to_owned(),
    };
    let template = format!("{file}.erb");
    let evaluated =
        evaluate(&template).map_err(|problems| Failure::of(ExitCode::Configuration, problems))?;
    write(Path::new(&file), &evaluated.text)
        .map_err(|error| Failure::new(ExitCode::Failed, format!("cannot write {file}: {error}")))?;
    output::print(&format!("wrote {file} from {template}\n"))
}

/// Renders the template in the environment of this process, without the variables of an earlier `.env`.
fn evaluate(template: &str) -> Result<Evaluated, Vec<Diagnostic>> {
    let repository = Repository::of_current_directory();
    let bytes = repository
        .read(Path::new(template), FileKind::Environment)
        .map_err(|error| {
            let message = error.message(template);
            let help = match error.is_hostile() {
                true => error.help(),
                false => {
                    "run mrsk in the directory that has the template; docs/erb.md has examples"
                }
            };
            vec![Diagnostic::error(message).help(help)]
        })?;
    let source = String::from_utf8(bytes).map_err(|_| {
        vec![Diagnostic::error(format!("{template} is not UTF-8")).help("save it as UTF-8")]
    })?;
    let mut machine = Machine::with_stdin(environment::process_variables().collect());
    let evaluated = erb::evaluate(template, &source, &mut machine)?;
    match dotenv::check(template, &evaluated.text) {
        Ok(()) => Ok(evaluated),
        Err(mut problems) => {
            evaluated.trace(template, &mut problems);
            Err(problems)
        }
    }
}

/// Writes a file atomically, readable by its owner alone. If it is a symbolic link, its target is written.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| PathBuf::from(file));
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Its mode is 0600 from the beginning.
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(&file)?;
    Ok(())
}
