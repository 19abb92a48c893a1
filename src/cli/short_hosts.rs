//! `-h HOSTS`, as the original has it; without hosts `-h` prints help.

use std::ffi::OsString;

use clap::Command;

use super::walk::walk;

/// The short form.
const SHORT: &str = "-h";

/// Returns the arguments with the long form for each `-h` that has hosts behind it. Only then is the command line made.
pub fn expand(root: impl FnOnce() -> Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let is_short = |argument: &OsString| argument.to_string_lossy().starts_with(SHORT);
    if !arguments.iter().any(is_short) {
        return arguments;
    }
    let mut found = Vec::new();
    walk(&root(), &arguments, |at, command| {
        let takes_hosts = command
            .get_arguments()
            .any(|arg| arg.get_long() == Some("hosts"));
        if takes_hosts {
            let next = arguments.get(at + 1).map(|next| next.to_string_lossy());
            let is_hosts =
                |next: &str| !next.starts_with('-') && command.find_subcommand(next).is_none();
            found.push((at, next.is_some_and(|next| is_hosts(&next))));
        }
    });
    let mut expanded = arguments;
    for (at, has_hosts_behind) in found {
        let Some(argument) = expanded.get_mut(at) else {
            continue;
        };
        let text = argument.to_string_lossy().into_owned();
        match text.strip_prefix(SHORT) {
            Some("") if has_hosts_behind => *argument = "--hosts".into(),
            Some(rest) if rest.starts_with(|c: char| c == '=' || c.is_ascii_digit()) => {
                *argument = format!("--hosts={}", rest.trim_start_matches('=')).into();
            }
            _ => {}
        }
    }
    expanded
}
