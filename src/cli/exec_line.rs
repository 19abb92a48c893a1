//! `mrsk app exec CMD`: what follows the first word of the command belongs to it, as with docker.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::failure::Failure;
use super::walk;
use crate::exit_code::ExitCode;
use crate::text::command_line;

/// The commands that run one, each with the number of operands in front of it.
const COMMANDS: [(&[&str], usize); 2] = [(&["app", "exec"], 0), (&["accessory", "exec"], 1)];

/// Returns the arguments with `--` before the command that is run once, so that all words behind its first one are its own. `typed` are
/// the same before short forms were replaced. Fails if one of the words is an option of mrsk, as the original takes them there: nobody
/// knows whose it is meant to be.
pub fn expand(
    root: impl FnOnce() -> Command,
    typed: &[OsString],
    mut arguments: Vec<OsString>,
) -> Result<Vec<OsString>, Failure> {
    if !arguments.iter().any(|argument| argument == "exec") {
        return Ok(arguments);
    }
    let root = root();
    let (path, operands) = walk::operands(&root, &arguments);
    let names: Vec<&str> = path.iter().skip(1).map(|one| one.get_name()).collect();
    let found = COMMANDS.iter().find(|(command, _)| *command == names);
    let Some(at) = found.and_then(|(_, before)| operands.get(*before).copied()) else {
        return Ok(arguments);
    };
    let (before, command) = typed.split_at(at);
    if let Some(failure) = ambiguous(&path, before, command) {
        return Err(failure);
    }
    arguments.truncate(at);
    arguments.push("--".into());
    arguments.extend(command.iter().cloned());
    Ok(arguments)
}

/// Returns why `command` cannot be told from the options of mrsk.
fn ambiguous(path: &[&Command], before: &[OsString], command: &[OsString]) -> Option<Failure> {
    let args = || path.iter().flat_map(|one| one.get_arguments());
    let (first, rest) = command.split_first()?;
    let (mut moved, mut kept) = (Vec::new(), vec![shown(first)]);
    let mut named = None;
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        let word = shown(word);
        let takes_next = match args().find(|arg| is_option(arg, &word)) {
            Some(arg) => arg.get_action().takes_values() && is_alone(arg, &word),
            // Hosts or help.
            None if word == "-h" => {
                let next = rest.as_slice().first();
                next.is_some_and(|next| !shown(next).starts_with('-'))
            }
            None if word == "--help" || word.starts_with("-h") => false,
            None => {
                kept.push(word);
                continue;
            }
        };
        named.get_or_insert_with(|| word.clone());
        moved.push(word);
        if takes_next {
            moved.extend(rest.next().map(shown));
        }
    }
    let named = named?;
    let line = |parts: [&[String]; 3]| {
        let words = parts.concat();
        format!("`mrsk {}`", command_line(&words))
    };
    let before: Vec<String> = before.iter().skip(1).map(shown).collect();
    let command: Vec<String> = command.iter().map(shown).collect();
    let message =
        format!("`{named}` behind the command may be an option of mrsk or of the command");
    Some(Failure::new(ExitCode::Usage, message).help(format!(
        "as an option of mrsk: {}; as one of the command: {}",
        line([&before, &moved, &kept]),
        line([&before, &["--".to_owned()], &command])
    )))
}

fn shown(word: &OsString) -> String {
    word.to_string_lossy().into_owned()
}

/// Whether `word` is this option, maybe with its value, or with other short ones behind it.
fn is_option(arg: &Arg, word: &str) -> bool {
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next();
        return arg.get_long().is_some_and(|long| name == Some(long));
    }
    let first = word.strip_prefix('-').and_then(|word| word.chars().next());
    first.is_some() && arg.get_short() == first
}

/// Whether the value of the option is not a part of `word`.
fn is_alone(arg: &Arg, word: &str) -> bool {
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    [long, short].iter().flatten().any(|name| name == word)
}
