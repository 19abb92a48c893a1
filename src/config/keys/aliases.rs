//! `aliases`: names for command lines of mrsk.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record, choice, shown};
use crate::config::schema::{Property, filled, map};

pub(super) const KEY: Property = ("aliases", schema);

/// The commands of mrsk. An alias stands for one of them, and cannot have its name.
pub const COMMANDS: [&str; 35] = [
    "accessory",
    "app",
    "apply",
    "audit",
    "build",
    "completions",
    "config",
    "deploy",
    "details",
    "diff",
    "digest",
    "envify",
    "healthcheck",
    "help",
    "host",
    "init",
    "inspect",
    "lock",
    "man",
    "plan",
    "prune",
    "redeploy",
    "registry",
    "remove",
    "resolve",
    "rollback",
    "secrets",
    "server",
    "setup",
    "show",
    "sign",
    "status",
    "traefik",
    "verify",
    "version",
];

const PATTERN: &str = "^[a-z0-9][a-z0-9_-]*$";

fn schema() -> Value {
    let line = filled("Command line without `mrsk`, split into words as a shell does.");
    let mut aliases = map(
        "Names for command lines: `mrsk NAME` runs one.",
        PATTERN,
        &line,
    );
    aliases["propertyNames"]["not"] = json!({ "enum": &COMMANDS[..] });
    aliases
}

/// Reads the aliases, each with the words of its command line.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
) -> BTreeMap<String, Vec<String>> {
    let mut aliases = BTreeMap::new();
    for (name, child) in root.collect(decoder, KEY.0, Decoder::entries) {
        let words = words(decoder, &child);
        if check_name(decoder, name, &child) {
            aliases.extend(words.map(|words| (name.to_owned(), words)));
        }
    }
    aliases
}

fn check_name(decoder: &mut Decoder<'_>, name: &str, field: &Field<'_>) -> bool {
    if COMMANDS.contains(&name) {
        let message = format!("alias `{name}` has the name of a command");
        decoder.error(field.key, message, "choose another name");
        return false;
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !begins || !name.chars().all(allowed) {
        let help = "use lowercase letters, digits, `_` and `-`; start with a letter or digit";
        decoder.invalid::<()>(field.key, "alias name", name, help);
        return false;
    }
    true
}

/// Returns the words of a command line, the first of which is a command.
fn words(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let text = decoder.filled(field)?;
    let Ok(words) = shell_words::split(&text) else {
        let message = format!("unclosed quote in `{}`", field.path);
        let help = "it is split into words like a shell does, and no shell runs it";
        decoder.error(field.node.mark, message, help);
        return None;
    };
    let first = words.first().map_or("", String::as_str);
    if !COMMANDS.contains(&first) {
        let help = match first {
            "mrsk" | "kamal" => format!("leave out `{first}`"),
            _ => choice(first, "commands", &COMMANDS),
        };
        let message = format!("unknown command `{}`", shown(first));
        decoder.error(field.node.mark, message, help);
        return None;
    }
    Some(words)
}
