//! Which command a command line names, before it is parsed or where it cannot be.

use std::ffi::OsString;

use clap::{Arg, Command};

/// Walks through `arguments`, the first of which is the program, and hands each option to `visit`, with its position and the command
/// that it belongs to. Returns the commands, the outermost first.
pub fn walk<'c>(
    root: &'c Command,
    arguments: &[OsString],
    visit: impl FnMut(usize, &'c Command),
) -> Vec<&'c Command> {
    let (path, _) = walk_all(root, arguments, visit);
    path
}

/// Returns the commands, the outermost first, and the positions of what follows them that is no option, up to `--`.
pub fn operands<'c>(root: &'c Command, arguments: &[OsString]) -> (Vec<&'c Command>, Vec<usize>) {
    walk_all(root, arguments, |_, _| {})
}

fn walk_all<'c>(
    root: &'c Command,
    arguments: &[OsString],
    mut visit: impl FnMut(usize, &'c Command),
) -> (Vec<&'c Command>, Vec<usize>) {
    let mut path = vec![root];
    let mut operands = Vec::new();
    let mut at = 1;
    while let Some(argument) = arguments.get(at) {
        let text = argument.to_string_lossy();
        let inner = path.last().copied().unwrap_or(root);
        if text == "--" {
            break;
        }
        if text.len() > 1 && text.starts_with('-') {
            visit(at, inner);
            at += usize::from(has_value_behind(&path, &text));
        } else {
            let command = inner.find_subcommand(&*text);
            match command.filter(|_| operands.is_empty()) {
                Some(command) => path.push(command),
                None => operands.push(at),
            }
        }
        at += 1;
    }
    (path, operands)
}

/// Whether the next argument is the value of this option.
fn has_value_behind(path: &[&Command], option: &str) -> bool {
    let is_it = |arg: &&Arg| match option.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg
            .get_short()
            .is_some_and(|short| option == format!("-{short}")),
    };
    let mut args = path.iter().flat_map(|command| command.get_arguments());
    args.find(is_it)
        .is_some_and(|arg| arg.get_action().takes_values())
}
