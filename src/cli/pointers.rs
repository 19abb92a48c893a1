//! What people type who come from Kamal, Terraform and Docker, or who are in a hurry: which command does it here.
//!
//! No word that takes something away is answered with one that deploys.

use clap::Command;

/// A word that is typed, and the command for it. Only commands that there are are named.
type Pointer = (&'static str, &'static str);

/// Words that are commands elsewhere; one of two words holds inside of that group alone.
const COMMANDS: &[Pointer] = &[
    ("app deploy", "deploy"),
    ("app destroy", "app remove"),
    ("app restart", "app boot"),
    ("app rm", "app remove"),
    ("app rollback", "rollback"),
    ("app run", "app exec"),
    ("app status", "app details"),
    ("bootstrap", "server bootstrap"),
    ("boot", "app boot"),
    ("console", "app exec -i"),
    ("containers", "app containers"),
    ("delete", "remove"),
    ("destroy", "remove"),
    ("diff", "plan"),
    ("docs", "help"),
    ("down", "app stop"),
    ("drain", "host drain"),
    ("exec", "app exec"),
    ("force-unlock", "lock release"),
    ("gc", "prune all"),
    ("health", "status"),
    ("history", "audit"),
    ("images", "app images"),
    ("info", "status"),
    ("kill", "app stop"),
    ("login", "registry login"),
    ("logout", "registry logout"),
    ("logs", "app logs"),
    ("output", "inspect"),
    ("proxy", "traefik"),
    ("ps", "app containers"),
    ("pull", "build pull"),
    ("purge", "prune all"),
    ("push", "build push"),
    ("reboot", "app boot"),
    ("refresh", "inspect"),
    ("restart", "app boot"),
    ("revert", "rollback"),
    ("rm", "app remove"),
    ("rmi", "app remove_images"),
    ("roll-back", "rollback"),
    ("run", "app exec"),
    ("secrets", "envify"),
    ("shell", "app exec -i --reuse"),
    ("ssh", "app exec -i --reuse"),
    ("start", "app start"),
    ("state", "inspect"),
    ("stop", "app stop"),
    ("teardown", "remove"),
    ("undeploy", "remove"),
    ("undo", "rollback"),
    ("uninstall", "remove"),
    ("unlock", "lock release"),
    ("up", "deploy"),
    ("validate", "config"),
];

/// Commands that there are or will be, and that take something away: what is meant for one of them never becomes one that deploys.
const TAKES_AWAY: [&str; 9] = [
    "drop", "prune", "rebuild", "release", "remove", "rollback", "stop", "undo", "wipe",
];

/// Commands that change what serves.
const DEPLOYS: [&str; 4] = ["apply", "deploy", "redeploy", "setup"];

/// Options that are written otherwise here.
const OPTIONS: &[Pointer] = &[
    (
        "--auto-approve",
        "`mrsk apply PLAN` runs a reviewed plan without a question",
    ),
    (
        "--check",
        "`mrsk plan OPERATION` prints what would run, and runs nothing",
    ),
    (
        "--container",
        "`mrsk app exec` and `mrsk app logs` find the container that serves by themselves",
    ),
    (
        "--detach",
        "a command runs in the foreground; start a role for one that stays",
    ),
    (
        "--dry-run",
        "`mrsk plan OPERATION` prints what would run, and runs nothing",
    ),
    ("--host", "use `--hosts HOSTS`"),
    ("--it", "use `-i`: it has the terminal"),
    (
        "--noop",
        "`mrsk plan OPERATION` prints what would run, and runs nothing",
    ),
    (
        "--out",
        "`mrsk plan OPERATION > FILE` keeps the plan in a file",
    ),
    ("--role", "use `--roles ROLES`"),
    (
        "--service",
        "the service is that of the configuration: `-c FILE`, `-d DEST`",
    ),
    ("--tag", "use `--version VERSION`"),
    ("--tail", "use `-n N`"),
    ("--target", "use `--hosts HOSTS` or `--roles ROLES`"),
    ("--tty", "use `-i`: it has the terminal"),
];

/// The most edits between a word as typed and the one that is meant.
const FAR: usize = 2;

/// What to say about a word that is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This command does it.
    Use(String),
    /// No other command is to be suggested.
    Nothing,
    /// The word is like this command.
    Like(String),
}

/// Returns what to say about `name`, which is no command of `path`, the names of commands below `mrsk`. `suggested` are those that clap takes
/// for similar.
pub fn command(root: &Command, path: &[&str], name: &str, suggested: Vec<String>) -> Answer {
    let spelt = nearest(path, name);
    let (word, target) = match &spelt {
        Some((word, target)) => (*word, Some(*target)),
        None => (name, None),
    };
    if let Some(target) = target.and_then(|target| placed(root, path, target)) {
        return match word == name || path.iter().any(|group| word.starts_with(group)) {
            true => Answer::Use(target),
            false => Answer::Like(target),
        };
    }
    if target.is_some() {
        return Answer::Nothing;
    }
    let nearest_that_takes = TAKES_AWAY.iter().map(|word| distance(word, name)).min();
    let takes_away = name.starts_with("un") || TAKES_AWAY.iter().any(|word| name.contains(word));
    let may_be_meant = |other: &&String| {
        let far = distance(other, name);
        let is_near = far <= FAR && nearest_that_takes.is_none_or(|nearest| far < nearest);
        !DEPLOYS.contains(&other.as_str()) || (!takes_away && is_near)
    };
    let suggested = suggested.iter().filter(may_be_meant);
    match suggested.min_by_key(|other| distance(other, name)) {
        Some(other) => Answer::Like([path, &[other]].concat().join(" ")),
        None => Answer::Nothing,
    }
}

/// Returns the pointer for a word, also for a misspelt one that is no nearer to a command that there is.
fn nearest(path: &[&str], name: &str) -> Option<Pointer> {
    let full = [path, &[name]].concat().join(" ");
    let exact = COMMANDS.iter().find(|(word, _)| *word == full);
    // `plan destroy` is as `destroy`.
    let alone = || COMMANDS.iter().find(|(word, _)| *word == name);
    let misspelt = || {
        let long = COMMANDS.iter().filter(|(word, _)| word.len() > 5);
        let near = long.map(|pointer| (distance(pointer.0, name), pointer));
        let best = near.min_by_key(|(far, _)| *far);
        best.filter(|(far, _)| *far <= 1)
            .map(|(_, pointer)| pointer)
    };
    exact.or_else(alone).or_else(misspelt).copied()
}

/// Returns the command line of a pointer's target, below `plan` if the word was there; nothing if there is no such command.
fn placed(root: &Command, path: &[&str], target: &str) -> Option<String> {
    let exists = |start: &[&str]| {
        let words = start.iter().copied().chain(target.split(' '));
        let mut words = words.take_while(|word| !word.starts_with('-'));
        words
            .try_fold(root, |command, word| command.find_subcommand(word))
            .is_some()
    };
    if path.first() == Some(&"plan") && exists(&["plan"]) {
        return Some(format!("plan {target}"));
    }
    exists(&[]).then(|| target.to_owned())
}

/// Returns what is to be used instead of an option; `argument` is all that was typed.
pub fn option(argument: &str) -> Option<&'static str> {
    let name = argument.split('=').next().unwrap_or(argument);
    let name = format!("--{}", name.trim_start_matches('-'));
    let pointer = OPTIONS.iter().find(|(option, _)| *option == name);
    pointer.map(|(_, text)| *text)
}

fn distance(one: &str, other: &str) -> usize {
    strsim::osa_distance(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_and_no_word_that_takes_away_deploys() {
        assert!(OPTIONS.is_sorted_by_key(|(option, _)| *option));
        let harmless = ["app deploy", "up"];
        for (word, target) in COMMANDS {
            let first = target.split(' ').next().unwrap();
            assert!(
                !DEPLOYS.contains(&first) || harmless.contains(word),
                "{word}"
            );
        }
    }
}
