//! Errors of the command line, shown as every other error is.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::failure::Failure;
use super::pointers::{self, Answer};
use super::walk::walk;
use crate::exit_code::ExitCode;
use crate::text::{list_up_to, one_line};

/// Returns what is wrong with the command line; `None` if it asks for help.
pub fn failure(error: &Error, command: &Command, arguments: &[OsString]) -> Option<Failure> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let walked = walk(command, arguments, |_, _| {});
    let path: Vec<&str> = walked.iter().skip(1).map(|one| one.get_name()).collect();
    if path.contains(&"help") {
        // Behind it stands a command like any other.
        let mut arguments = arguments.to_vec();
        let help = arguments.iter().position(|argument| argument == "help");
        drop(help.map(|at| arguments.remove(at)));
        return failure(error, command, &arguments);
    }
    let (message, help) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand)?;
            let help = match pointers::command(command, &path, &name) {
                Answer::Use(target) => Some(format!("use `mrsk {target}`")),
                Answer::Like(target) => Some(format!("did you mean `mrsk {target}`?")),
                Answer::Nothing => None,
            };
            let full = [&path[..], &[&name]].concat().join(" ");
            (format!("unknown command `{full}`"), help)
        }
        ErrorKind::UnknownArgument => {
            let name = context(ContextKind::InvalidArg)?;
            let typed = arguments.iter().map(|argument| argument.to_string_lossy());
            let typed = typed.skip(1).find(|argument| is_of(&name, argument));
            let pointer = typed.and_then(|typed| pointers::option(&typed));
            let is_near = |other: &String| pointers::is_near(other, &name);
            let help = pointer
                .map(str::to_owned)
                .or_else(|| version_behind_verbose(&name, arguments))
                .or_else(|| words_of_a_command(&path, arguments))
                .or_else(|| destination(&name, &walked))
                .or_else(|| elsewhere(command, &name, arguments))
                .or_else(|| {
                    let other = context(ContextKind::SuggestedArg).filter(is_near)?;
                    Some(format!("did you mean `{other}`?"))
                });
            (format!("unexpected argument `{name}`"), help)
        }
        _ if !error.use_stderr() || error.exit_code() == 0 => return None,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::ValueValidation => number(error, &walked).unwrap_or_else(|| described(error)),
        _ => described(error),
    };
    let help = help.unwrap_or_else(|| match path.is_empty() {
        true => "see `mrsk --help`".to_owned(),
        false => format!("see `mrsk {} --help`", path.join(" ")),
    });
    Some(Failure::new(ExitCode::Usage, message).help(help))
}

/// Returns what to do with a version behind `-v`, which is short for it elsewhere.
fn version_behind_verbose(name: &str, arguments: &[OsString]) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    let before = at.checked_sub(1).and_then(|at| arguments.get(at))?;
    (before == "-v" && !name.starts_with('-'))
        .then(|| format!("`-v` is `--verbose`; use `--version {name}`"))
}

/// Returns how to name a destination, which is a word of its own elsewhere.
fn destination(name: &str, commands: &[&Command]) -> Option<String> {
    let mut args = commands.iter().flat_map(|one| one.get_arguments());
    let takes_one = args.any(|arg| arg.get_long() == Some("destination"));
    (takes_one && !name.starts_with('-'))
        .then(|| format!("to select a destination, use `-d {name}`"))
}

/// Returns how to give a command to `exec` that has options of its own.
fn words_of_a_command(path: &[&str], arguments: &[OsString]) -> Option<String> {
    if path.last() != Some(&"exec") || arguments.iter().any(|argument| argument == "--") {
        return None;
    }
    let name = if path.contains(&"accessory") {
        " NAME"
    } else {
        ""
    };
    let path = path.join(" ");
    Some(format!(
        "put `--` before a command with options: `mrsk {path}{name} -- ls -la`"
    ))
}

/// Whether `argument` is the option `name`, maybe with a value behind it, or with other short ones in front.
fn is_of(name: &str, argument: &str) -> bool {
    let short = name.strip_prefix('-').filter(|short| short.len() == 1);
    let cluster = argument
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'));
    let is_in_cluster = short
        .zip(cluster)
        .is_some_and(|(short, rest)| rest.contains(short));
    argument.starts_with(name) || is_in_cluster
}

/// Returns what is wrong with the value of an option that takes a number; nothing if it takes something else.
fn number(error: &Error, commands: &[&Command]) -> Option<(String, Option<String>)> {
    let (Some(ContextValue::String(option)), Some(ContextValue::String(value))) = (
        error.get(ContextKind::InvalidArg),
        error.get(ContextKind::InvalidValue),
    ) else {
        return None;
    };
    let long = option.split_whitespace().next()?.strip_prefix("--")?;
    let mut args = commands.iter().flat_map(|one| one.get_arguments());
    let arg = args.find(|arg| arg.get_long() == Some(long))?;
    let is = |numbers: &[TypeId]| {
        let own = arg.get_value_parser().type_id();
        numbers.iter().any(|number| own == *number)
    };
    let numbers = [
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
    ];
    if !is(&numbers) {
        return None;
    }
    let words = error.source().map(ToString::to_string);
    let words = words.unwrap_or_default();
    // Such as `0 is not in 1..=65535`.
    let range = words.split_once(" is not in ");
    let range = range.and_then(|(_, range)| range.split_once("..="));
    let expected = match range {
        Some((low, _)) if value == "0" => format!("a whole number of at least {low}"),
        Some((low, high)) => format!("a whole number from {low} to {high}"),
        None if words.contains("too large") => "a smaller number".to_owned(),
        None => "a whole number".to_owned(),
    };
    let value = one_line(value);
    let message = format!("`{value}` is not a valid value of `--{long}`: expected {expected}");
    Some((message, None))
}

/// Returns clap's own words: the first paragraph is the problem, its usage the help.
fn described(error: &Error) -> (String, Option<String>) {
    let text = error.render().to_string();
    let (problem, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let words: Vec<&str> = problem.split_whitespace().skip(1).collect();
    let usage = rest.lines().find_map(|line| line.strip_prefix("Usage: "));
    (
        words.join(" "),
        usage.map(|usage| format!("usage: {usage}")),
    )
}

/// Returns where an option belongs that its command does not have.
fn elsewhere(command: &Command, option: &str, arguments: &[OsString]) -> Option<String> {
    let is_it = |arg: &Arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        let long = arg.get_long().map(|long| format!("--{long}"));
        [short, long].iter().flatten().any(|name| name == option)
    };
    let owners: Vec<String> = command
        .get_subcommands()
        .filter(|command| command.get_arguments().any(is_it))
        .map(|command| format!("`mrsk {}`", command.get_name()))
        .collect();
    if let Some(usage) = as_argument(command, option, arguments) {
        return Some(usage);
    }
    let first = arguments.get(1)?.to_string_lossy();
    match owners.is_empty() {
        true => None,
        false if first.starts_with('-') => Some(format!("`{option}` must follow the command")),
        false => Some(format!("it is an option of {}", list_up_to(3, &owners))),
    }
}

/// Returns how a command is given as an argument what `option` names, as `rollback VERSION` is.
fn as_argument(command: &Command, option: &str, arguments: &[OsString]) -> Option<String> {
    let (mut command, mut words) = (command, "mrsk".to_owned());
    for argument in arguments.iter().skip(1) {
        let word = argument.to_string_lossy();
        let Some(next) = command.find_subcommand(word.as_ref()) else {
            break;
        };
        command = next;
        words = format!("{words} {}", next.get_name());
    }
    let name = option.strip_prefix("--")?;
    let mut positionals = command.get_positionals();
    let positional = positionals.find(|arg| arg.get_id().as_str() == name)?;
    let value = positional.get_id().as_str().to_uppercase();
    Some(format!("give it without an option: `{words} {value}`"))
}

/// Returns what is wrong with `-out FILE` of other tools, which would be read as `-o ut`.
pub fn one_dash(arguments: &[OsString]) -> Option<Failure> {
    let options = arguments.iter().take_while(|argument| *argument != "--");
    let mut options = options.map(|argument| argument.to_string_lossy());
    let is_out = |option: std::borrow::Cow<str>| option == "-out" || option.starts_with("-out=");
    let failure = || Failure::new(ExitCode::Usage, "unknown option `-out`").help("use `-o FILE`");
    options.any(is_out).then(failure)
}

/// Returns an option of `plan` or `lock` at a wrong place: on both sides of a subcommand's name, where clap would drop the first
/// one, or before the name although it is the subcommand's own.
pub fn misplaced(command: &Command, arguments: &[OsString]) -> Option<String> {
    let matches = apart(command.clone(), &[]).try_get_matches_from(arguments);
    find_misplaced(command, &matches.ok()?, &[])
}

/// Makes each option that is valid on both sides of a subcommand's name an option of its own on each side.
fn apart(command: Command, above: &[Arg]) -> Command {
    let own = command.get_arguments().filter(|arg| arg.is_global_set());
    let own: Vec<Arg> = own.map(|arg| arg.clone().global(false)).collect();
    command
        .mut_args(|arg| arg.global(false))
        .args(above)
        .mut_subcommands(|command| apart(command, &[above, &own].concat()))
}

fn find_misplaced(command: &Command, matches: &ArgMatches, above: &[&Arg]) -> Option<String> {
    let given =
        |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let message = |arg: &Arg, what| Some(format!("`--{}` {what}", arg.get_long()?));
    if let Some(arg) = above.iter().copied().find(given) {
        return message(arg, "is given twice");
    }
    let (name, matches) = matches.subcommand()?;
    let own: Vec<&Arg> = command.get_arguments().filter(given).collect();
    if let Some(arg) = own.iter().find(|arg| !arg.is_global_set()) {
        return message(arg, "must follow the name of the operation");
    }
    find_misplaced(
        command.find_subcommand(name)?,
        matches,
        &[above, &own].concat(),
    )
}
