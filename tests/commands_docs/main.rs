//! docs/commands.md is made of clap's definitions: it cannot drift.

#[path = "../golden/mod.rs"]
mod golden;
mod original;

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use golden::Golden;
use original::{COMMANDS, GLOBAL};

const HEAD: &str = "\
# Commands

All commands and options, beside those of the original tool (version 0.11). This file is made from
the definitions of the commands: `MRSK_BLESS=1 cargo test --test commands_docs` renews it.

`mrsk help COMMAND` explains a command, `mrsk man COMMAND` prints its manual page, and [reading from
hosts](reading.md) tells more of those that change nothing. Every operation is also below `mrsk
plan`, which prints what it would run.

";

/// Returns the commands that do something, by their names, sorted.
fn leaves(command: &Command, path: &str, found: &mut BTreeMap<String, Command>) {
    for inner in command.get_subcommands() {
        let name = match path {
            "" => inner.get_name().to_owned(),
            path => format!("{path} {}", inner.get_name()),
        };
        let is_group = inner.get_subcommands().any(|one| one.get_name() != "help");
        if name == "help" || name.ends_with(" help") || (inner.is_hide_set()) {
            continue;
        }
        if !is_group || name == "plan" {
            found.insert(name.clone(), inner.clone());
        }
        leaves(inner, &name, found);
    }
}

fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn about(command: &Command) -> String {
    cell(
        &command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default(),
    )
}

/// Returns an option as it is typed: `-n`, `--lines N`.
fn typed(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let short = match arg.get_long() {
        // It is expanded before clap reads it.
        Some("hosts") => Some("-h".to_owned()),
        _ => short,
    };
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let value = match arg.get_action().takes_values() {
        true => format!(" {}", value(arg)),
        false => String::new(),
    };
    format!("`{}{value}`", names.join("`, `"))
}

fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.first().map(ToString::to_string).unwrap_or_default()
}

/// Returns what the original calls an option of this name.
fn of_original(arg: &Arg, command: &str) -> Option<&'static str> {
    let long = format!("--{}", arg.get_long()?);
    let own = COMMANDS.iter().find(|(name, _)| *name == command);
    let own = own.map_or(&[][..], |(_, options)| options);
    let mut all = own.iter().chain(GLOBAL);
    all.find(|option| option.split(' ').any(|name| name == long))
        .copied()
}

fn quoted(option: &str) -> String {
    option
        .split(' ')
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// An option as it is typed, and what it does.
type Described = (String, String);

/// A command, and what the original calls the option there.
type User<'a> = (&'a str, Option<&'a str>);

fn document() -> String {
    let mut root = mrsk::cli::command_line();
    root.build();
    let mut commands = BTreeMap::new();
    leaves(&root, "", &mut commands);
    let mut text = HEAD.to_owned();
    text += "## Commands\n\n| command | what it does | the original |\n| --- | --- | --- |\n";
    let in_original = |name: &str| COMMANDS.iter().any(|(other, _)| *other == name);
    for (name, command) in &commands {
        let operands = command.get_positionals().map(|arg| {
            let value = value(arg);
            match arg.is_required_set() {
                true => format!(" {value}"),
                false => format!(" [{value}]"),
            }
        });
        let operands: String = operands.collect();
        let original = if in_original(name) { "yes" } else { "" };
        text += &format!(
            "| `mrsk {name}{operands}` | {} | {original} |\n",
            about(command)
        );
    }
    text += "\n## Options\n\n| option | what it does | of | the original |\n| --- | --- | --- | --- |\n";
    let mut options: BTreeMap<Described, Vec<User>> = BTreeMap::new();
    for (name, command) in &commands {
        for arg in command
            .get_opts()
            .chain(command.get_arguments().filter(|arg| is_flag(arg)))
        {
            let help = cell(&arg.get_help().map(ToString::to_string).unwrap_or_default());
            let users = options.entry((typed(arg), help)).or_default();
            users.push((name, of_original(arg, name)));
        }
    }
    let mut rows: Vec<_> = options.into_iter().collect();
    rows.sort_by_key(|((option, _), _)| option.rsplit('`').nth(1).unwrap_or_default().to_owned());
    for ((option, help), users) in rows {
        let names: Vec<String> = users.iter().map(|(name, _)| format!("`{name}`")).collect();
        let original = users.iter().find_map(|(_, original)| *original);
        let original = original.map(quoted).unwrap_or_default();
        text += &format!(
            "| {option} | {help} | {} | {original} |\n",
            names.join(", ")
        );
    }
    text + &missing(&commands)
}

fn is_flag(arg: &Arg) -> bool {
    let is_help = matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong
    );
    !arg.is_positional() && !arg.get_action().takes_values() && !is_help
}

/// Returns what the original has and mrsk has not.
fn missing(commands: &BTreeMap<String, Command>) -> String {
    let mut text = "\n## What the original has beside these\n\n".to_owned();
    let names = COMMANDS.iter().map(|(name, _)| *name);
    let missing: Vec<String> = names
        .filter(|name| *name != "help" && !commands.contains_key(*name))
        .map(|name| format!("`{name}`"))
        .collect();
    text += &match missing.is_empty() {
        true => "No command.\n".to_owned(),
        false => format!("Commands: {}.\n", missing.join(", ")),
    };
    let has = |command: &Command, option: &str| {
        let is_it = |arg: &Arg| {
            let long = arg.get_long().map(|long| format!("--{long}"));
            option.split(' ').any(|name| Some(name) == long.as_deref())
        };
        command.get_arguments().any(is_it)
    };
    let own = COMMANDS.iter().flat_map(|(name, options)| {
        let command = commands.get(*name);
        let lacking = options
            .iter()
            .filter(move |option| command.is_some_and(|one| !has(one, option)));
        lacking.map(move |option| format!("{} of `{name}`", quoted(option)))
    });
    let global = GLOBAL
        .iter()
        .filter(|option| !commands.values().any(|one| has(one, option)));
    let options: Vec<String> = own.chain(global.map(|option| quoted(option))).collect();
    text += &match options.is_empty() {
        true => "No option.\n".to_owned(),
        false => format!("\nOptions: {}.\n", options.join("; ")),
    };
    text + "\nAn option that a command would ignore is an error here; in the original every command takes all\nglobal options.\n"
}

#[test]
fn the_document_has_every_command_and_option() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    Golden::default().check(&path, &document());
}
