//! `mrsk ALIAS`: the command line that the configuration has under this name.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Command, CommandFactory, Parser};

use super::execution::ExecutionOptions;
use super::failure::Failure;
use super::options::ProjectOptions;
use crate::config::{self, COMMANDS};
use crate::exit_code::ExitCode;
use crate::repository;

/// The options that decide which configuration is read, and how.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Reading {
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    execution: ExecutionOptions,
}

/// Returns `arguments` with the words of an alias in place of its name; what follows the name stays behind them. A word that is
/// neither a command nor an alias stays as it is. Only a configuration that has aliases is evaluated.
pub fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let Some((program, [name, rest @ ..])) = arguments.split_first() else {
        return Ok(arguments);
    };
    let Some(name) = name.to_str().filter(|name| may_be_alias(name)) else {
        return Ok(arguments);
    };
    let Some(words) = words_of(name, rest)? else {
        return Ok(arguments);
    };
    let words = words.into_iter().map(OsString::from);
    let program = [program.clone()].into_iter();
    Ok(program.chain(words).chain(rest.iter().cloned()).collect())
}

fn may_be_alias(name: &str) -> bool {
    !name.starts_with('-') && !COMMANDS.contains(&name)
}

/// Returns what the configuration has under `name`.
fn words_of(name: &str, rest: &[OsString]) -> Result<Option<Vec<String>>, Failure> {
    let Some(Reading { project, execution }) = reading(rest) else {
        return Ok(None);
    };
    let mut files = vec![project.config.clone()];
    files.extend(project.destination.as_deref().map(|name| {
        let path: PathBuf = project.config.with_extension(format!("{name}.yml"));
        path
    }));
    let texts = files
        .iter()
        .filter_map(|path| repository::source(&path.display().to_string()));
    if !texts.into_iter().any(|text| text.contains("aliases")) {
        return Ok(None);
    }
    let mut machine = execution.execution(&project)?.machine(&project)?;
    let destination = project.destination.as_deref();
    let loaded = config::load(&project.config, destination, &mut machine)
        .map_err(|diagnostics| Failure::of(ExitCode::Configuration, diagnostics))?;
    Ok(loaded.config.aliases.get(name).cloned())
}

/// Reads the options that it knows, wherever they stand; the others are those of the alias's command.
fn reading(rest: &[OsString]) -> Option<Reading> {
    Reading::try_parse_from(known_options(&Reading::command(), rest)).ok()
}

/// Returns the options of `command` among `arguments`, each with its value.
fn known_options(command: &Command, arguments: &[OsString]) -> Vec<OsString> {
    let mut known = Vec::new();
    let mut arguments = arguments.iter().take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        let (name, has_value) = match text.split_once('=') {
            Some((name, _)) => (name, true),
            None => (&*text, false),
        };
        let is_it = |arg: &&clap::Arg| {
            let long = arg
                .get_long()
                .is_some_and(|long| name == format!("--{long}"));
            let short = arg
                .get_short()
                .is_some_and(|short| name == format!("-{short}"));
            long || short
        };
        let Some(option) = command.get_arguments().find(is_it) else {
            continue;
        };
        known.push(argument.clone());
        if option.get_action().takes_values() && !has_value {
            known.extend(arguments.next().cloned());
        }
    }
    known
}
