//! `mrsk ALIAS`: the command line that the configuration has under this name.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory, Parser};

use super::execution::{Execution, ExecutionOptions};
use super::failure::Failure;
use super::options::ProjectOptions;
use super::project::Project;
use crate::config::COMMANDS;
use crate::repository;
use crate::text;

/// Commands whose last words are the command that they run: options behind its first word are none of mrsk's.
const RUN_ONE: [[&str; 2]; 2] = [["app", "exec"], ["accessory", "exec"]];

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
/// neither a command nor an alias stays as it is. Only a configuration that may have the alias is evaluated.
pub fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let Some((program, [name, rest @ ..])) = arguments.split_first() else {
        return Ok(arguments);
    };
    let Some(name) = name.to_str().filter(|name| may_be_alias(name)) else {
        return Ok(arguments);
    };
    let Some(words) = find(name, rest)? else {
        return Ok(arguments);
    };
    let words = words.into_iter().map(OsString::from);
    let program = [program.clone()].into_iter();
    Ok(program.chain(words).chain(rest.iter().cloned()).collect())
}

/// Returns the aliases of the configuration in the current directory, each with the command line that it stands for, for help and
/// completions: none if it cannot be read without running what it names.
pub fn all() -> Vec<(String, String)> {
    let Ok(Reading { project, .. }) = Reading::try_parse_from(Vec::<OsString>::new()) else {
        return Vec::new();
    };
    if !project.config.is_file() {
        return Vec::new();
    }
    let found = Project::look_up(&project, &Execution::Forbidden(BTreeSet::new()));
    let aliases = found.map(|found| found.config().aliases.clone());
    let aliases = aliases.unwrap_or_default().into_iter();
    aliases
        .map(|(name, words)| (name, text::escape(&text::command_line(&words))))
        .collect()
}

fn may_be_alias(name: &str) -> bool {
    !name.starts_with('-') && !COMMANDS.contains(&name)
}

/// Returns what the configuration has under `name`. Options count wherever they stand, except behind the first word of a command that
/// the alias runs.
fn find(name: &str, rest: &[OsString]) -> Result<Option<Vec<String>>, Failure> {
    let command = Reading::command();
    let operand = rest
        .iter()
        .position(|argument| !argument.to_string_lossy().starts_with('-'));
    let front = known_options(&command, &rest[..operand.unwrap_or(rest.len())]);
    let all = known_options(&command, rest);
    if front != all
        && let Ok(Some(words)) = words_of(name, front)
        && RUN_ONE
            .iter()
            .any(|command| words.starts_with(&command.map(str::to_owned)))
    {
        return Ok(Some(words));
    }
    words_of(name, all)
}

/// Returns what the configuration that `options` select has under `name`.
fn words_of(name: &str, options: Vec<OsString>) -> Result<Option<Vec<String>>, Failure> {
    let Ok(Reading { project, execution }) = Reading::try_parse_from(options) else {
        return Ok(None);
    };
    let texts = files(&project)
        .into_iter()
        .filter_map(|path| repository::source(&path.display().to_string()));
    if !texts.into_iter().any(|text| may_define(&text, name)) && !names_missing_file(&project) {
        return Ok(None);
    }
    let execution = execution.execution(&project)?;
    let found = Project::look_up(&project, &execution)?;
    let words = found.config().aliases.get(name).cloned();
    if words.is_some() {
        found.keep(&project, &execution);
    }
    Ok(words)
}

/// Returns the files of the configuration.
fn files(options: &ProjectOptions) -> Vec<PathBuf> {
    let of_destination = options.destination.as_deref().map(|name| {
        let name = format!("{name}.yml");
        options.config.with_extension(name)
    });
    [options.config.clone()]
        .into_iter()
        .chain(of_destination)
        .collect()
}

/// Whether a file that was named does not exist: then nobody knows what the word means.
fn names_missing_file(options: &ProjectOptions) -> bool {
    let is_missing = files(options).iter().any(|path| !path.exists());
    let has_config = options.config.exists();
    is_missing && (has_config || options.names_config())
}

/// Whether a configuration may define the alias `name`: it stands below `aliases`, or a template may print it there.
fn may_define(text: &str, name: &str) -> bool {
    let begins = |line: &&str| line.starts_with("aliases:");
    let mut lines = text.lines();
    let Some(first) = lines.find(begins) else {
        return text.contains("aliases") && text.contains(name);
    };
    let is_below =
        |line: &&str| line.is_empty() || line.starts_with([' ', '\t', '#', '-', '<', '}', ']']);
    let block = [first].into_iter().chain(lines.take_while(is_below));
    let mut block = block.map(|line| line.contains(name) || line.contains("<%"));
    block.any(|may_have| may_have)
}

/// Returns the options of `command` among `arguments`, each with its value; the others are those of the alias's command.
fn known_options(command: &Command, arguments: &[OsString]) -> Vec<OsString> {
    let mut known = Vec::new();
    let mut arguments = arguments.iter().take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        let Some((option, has_value)) = option_of(command, &text) else {
            continue;
        };
        known.push(argument.clone());
        if option.get_action().takes_values() && !has_value {
            known.extend(arguments.next().cloned());
        }
    }
    known
}

/// Returns the option that `word` is, and whether it has its value: `--name=value`, `-nvalue`.
fn option_of<'c>(command: &'c Command, word: &str) -> Option<(&'c Arg, bool)> {
    let mut args = command.get_arguments();
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let arg = args.find(|arg| arg.get_long() == Some(name))?;
        return Some((arg, value.is_some()));
    }
    let mut characters = word.strip_prefix('-')?.chars();
    let short = characters.next()?;
    let arg = args.find(|arg| arg.get_short() == Some(short))?;
    Some((arg, !characters.as_str().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::may_define;

    #[test]
    fn a_configuration_is_evaluated_only_if_it_may_have_the_alias() {
        for (text, may) in [
            ("aliases:\n  logs: app logs\n", true),
            ("aliases: {logs: app logs}\n", true),
            ("aliases:\n  other: x\nservice: logs\n", false),
            ("service: logs\n", false),
            ("aliases:\n<% if true %>\n  a: x\n<% end %>\n", true),
            ("{aliases: {logs: x}}", true),
            ("aliases:\n# none\nservice: <%= ENV['logs'] %>\n", false),
        ] {
            assert_eq!(may_define(text, "logs"), may, "{text}");
        }
    }
}
