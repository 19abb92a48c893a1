//! docs/commands.md is made of clap's definitions: it cannot drift.

#[path = "../golden/mod.rs"]
mod golden;
mod original;

use std::collections::{BTreeMap, BTreeSet};
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
        let names: BTreeSet<&str> = users.iter().map(|(name, _)| *name).collect();
        let original = users.iter().find_map(|(_, original)| *original);
        let original = original.map(quoted).unwrap_or_default();
        text += &format!(
            "| {option} | {help} | {} | {original} |\n",
            condensed(names, &commands)
        );
    }
    text + &missing(&commands)
}

/// Returns names of commands as a cell has them: those that are all of a kind by that.
fn condensed(mut names: BTreeSet<&str>, commands: &BTreeMap<String, Command>) -> String {
    let all: BTreeSet<&str> = commands.keys().map(String::as_str).collect();
    let planned = all
        .iter()
        .filter(|name| name.starts_with("plan"))
        .copied()
        .collect();
    let operations = all
        .iter()
        .filter_map(|name| name.strip_prefix("plan "))
        .collect();
    let accessories = all
        .iter()
        .filter_map(|name| name.strip_prefix("plan "))
        .filter(|name| name.starts_with("accessory "))
        .collect();
    let below = |group: &'static str| -> BTreeSet<&str> {
        let is_in = |name: &&str| name.split(' ').next() == Some(group);
        all.iter().copied().filter(is_in).collect()
    };
    let kinds: [(&str, BTreeSet<&str>); 10] = [
        ("every command", all.clone()),
        ("every operation", operations),
        ("`plan` and each operation below it", planned),
        ("each command of `accessory`", below("accessory")),
        ("each operation of `accessory`", accessories),
        ("each command of `app`", below("app")),
        ("each command of `lock`", below("lock")),
        ("each command of `prune`", below("prune")),
        ("each command of `registry`", below("registry")),
        ("each command of `traefik`", below("traefik")),
    ];
    let mut cells = Vec::new();
    let is_below = |name: &&str| {
        let rest = name.strip_prefix("plan ");
        rest.is_some_and(|rest| names.contains(rest))
    };
    let (below_plan, others): (BTreeSet<&str>, BTreeSet<&str>) =
        names.iter().copied().partition(|name| is_below(name));
    let is_all_of_plan = kinds[2].1.is_subset(&names);
    let are_too = !is_all_of_plan && below_plan.len() > 1;
    if are_too {
        names = others;
    }
    for (kind, of_kind) in kinds {
        if of_kind.is_subset(&names) {
            names.retain(|name| !of_kind.contains(name));
            cells.push(kind.to_owned());
        }
    }
    cells.extend(names.iter().map(|name| format!("`{name}`")));
    if are_too {
        cells.push("the same below `plan`".to_owned());
    }
    cells.join(", ")
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

/// Those of which docs/operations.md says that they take other options than `--hosts` alone.
#[test]
fn the_operations_take_the_options_that_the_document_says() {
    let mut root = mrsk::cli::command_line();
    root.build();
    let mut commands = BTreeMap::new();
    leaves(&root, "", &mut commands);
    let text = include_str!("../../docs/operations.md");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("take `--hosts`, `--roles` and `--primary`; `build push`, `build create`, `build remove` and those of `host` take none of them, the others `--hosts` alone."), "docs/operations.md");
    let operations = commands
        .keys()
        .filter_map(|name| name.strip_prefix("plan "));
    for name in operations {
        let has = |option: &str| {
            let mut args = commands[name].get_arguments();
            args.any(|arg| arg.get_long() == Some(option))
        };
        let group = name.split(' ').next().unwrap();
        let expected = match (group, name) {
            (_, "build push" | "build create" | "build remove") | ("host", _) => [false, false],
            (
                "deploy" | "redeploy" | "setup" | "rollback" | "app" | "traefik" | "prune"
                | "build" | "healthcheck",
                _,
            ) => [true, true],
            _ => [true, false],
        };
        assert_eq!(["hosts", "roles"].map(has), expected, "{name}");
        assert_eq!(has("primary"), has("roles"), "{name}");
    }
}
