//! What people type who come from Kamal, Terraform and Docker, or who are in a hurry: which command does it here.
//!
//! No word that takes something away is answered with one that deploys.

use clap::Command;

/// A word that is typed, and the command for it. Only commands that there are are named.
type Pointer = (&'static str, &'static str);

/// Words that are commands elsewhere; one of two words holds inside of that group alone, before one of one word.
const COMMANDS: &[Pointer] = &[
    ("abort", "lock request-stop"),
    ("app deploy", "deploy"),
    ("app destroy", "app remove"),
    ("app restart", "app boot"),
    ("app rm", "app remove"),
    ("app rollback", "rollback"),
    ("app run", "app exec"),
    ("app status", "app details"),
    ("accessory ps", "accessory details"),
    ("accessory status", "accessory details"),
    ("bootstrap", "server bootstrap"),
    ("boot", "app boot"),
    ("cancel", "lock request-stop"),
    ("clean", "prune all"),
    ("cleanup", "prune all"),
    ("console", "app exec -i"),
    ("containers", "app containers"),
    ("delete", "remove"),
    ("destroy", "remove"),
    ("docs", "help"),
    ("down", "app stop"),
    ("drain", "host drain"),
    ("env", "envify"),
    ("exec", "app exec"),
    ("force-unlock", "lock release"),
    ("gc", "prune all"),
    ("health", "status"),
    ("history", "audit"),
    ("images", "app images"),
    ("info", "status"),
    ("kill", "app stop"),
    ("live", "app live"),
    ("lock clear", "lock release"),
    ("lock delete", "lock release"),
    ("lock remove", "lock release"),
    ("lock rm", "lock release"),
    ("login", "registry login"),
    ("logout", "registry logout"),
    ("logs", "app logs"),
    ("maintenance", "app maintenance"),
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
    ("shell", "app exec -i --reuse"),
    ("ssh", "app exec -i --reuse"),
    ("start", "app start"),
    ("state", "inspect"),
    ("stop", "app stop"),
    ("teardown", "remove"),
    ("traefik ps", "traefik details"),
    ("traefik status", "traefik details"),
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
    ("--confirmed", "use `--yes`"),
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
        "--json",
        "`--format json` prints what `mrsk apply` and `mrsk deploy` do as JSON Lines; a plan (`mrsk plan -o FILE`) and facts \
         of hosts (`mrsk inspect`) are JSON",
    ),
    (
        "--noop",
        "`mrsk plan OPERATION` prints what would run, and runs nothing",
    ),
    ("--out", "use `-o FILE`"),
    ("--q", "omit it: without `--verbose`, a step is one line"),
    (
        "--quiet",
        "omit it: without `--verbose`, a step is one line",
    ),
    ("--role", "use `--roles ROLES`"),
    (
        "--service",
        "the service is that of the configuration: `-c FILE`, `-d DEST`",
    ),
    ("--skip-hooks", "this command runs no hooks; omit it"),
    ("--tag", "use `--version VERSION`"),
    ("--tail", "use `-n N`"),
    ("--target", "use `--hosts HOSTS` or `--roles ROLES`"),
    ("--tty", "use `-i`: it has the terminal"),
    ("--y", "this command does not ask; omit it"),
    ("--yes", "this command does not ask; omit it"),
];

/// The most edits between a word as typed and the one that is suggested.
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

/// Returns what to say about `name`, which is no command of `path`, the names of commands below `mrsk`. In a group, such as `accessory`,
/// only its own commands are named.
pub fn command(root: &Command, path: &[&str], name: &str) -> Answer {
    let full = [path, &[name]].concat().join(" ");
    let pointer = |wanted: &str| COMMANDS.iter().find(|(word, _)| *word == wanted);
    if let Some((_, target)) = pointer(&full).or_else(|| pointer(name)) {
        return match placed(root, path, target) {
            Some(target) => Answer::Use(target),
            None => Answer::Nothing,
        };
    }
    let own = own_command(root, path, name);
    let long = COMMANDS.iter().filter(|(word, _)| word.len() > 5);
    let near = long.filter_map(|(word, target)| {
        let far = distance(word, name);
        (far <= 1).then(|| Some((far, placed(root, path, target)?)))?
    });
    let best = own.into_iter().chain(near).min_by_key(|(far, _)| *far);
    best.map_or(Answer::Nothing, |(_, target)| Answer::Like(target))
}

/// Returns the command beside which `name` stands that is nearest to it, and how far it is. One that takes something away, or deploys, is
/// only guessed where nothing else can be meant.
fn own_command(root: &Command, path: &[&str], name: &str) -> Option<(usize, String)> {
    let mut words = path.iter();
    let group = words.try_fold(root, |command, word| command.find_subcommand(word))?;
    let nearest_that_takes = TAKES_AWAY.iter().map(|word| distance(word, name)).min();
    let takes_away = name.starts_with("un") || TAKES_AWAY.iter().any(|word| name.contains(word));
    let is_begun = |other: &str| name.len() >= 2 && other.starts_with(name);
    let may_be_meant = |(far, other): &(usize, &str)| {
        let is_near = *far <= FAR.min(name.len() / 3);
        let removes = TAKES_AWAY.iter().any(|word| other.starts_with(word));
        match DEPLOYS.contains(other) {
            true => {
                is_near && !takes_away && nearest_that_takes.is_none_or(|nearest| *far < nearest)
            }
            false if removes => is_near && *far <= 1,
            false => is_near || is_begun(other),
        }
    };
    let others = group
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    others
        .map(|command| (distance(command.get_name(), name), command.get_name()))
        .filter(may_be_meant)
        .min()
        .map(|(far, other)| (far, [path, &[other]].concat().join(" ")))
}

/// Returns the command line of a pointer's target, below `plan` and in the group if the word was there; nothing if there is no such
/// command.
fn placed(root: &Command, path: &[&str], target: &str) -> Option<String> {
    let (is_planned, group) = match path {
        ["plan", group @ ..] => (true, group.first()),
        group => (false, group.first()),
    };
    let own = target.split(' ').take_while(|word| !word.starts_with('-'));
    let own: Vec<&str> = own.collect();
    let target = match group {
        Some(group) if own.first() != Some(group) => format!("{group} {}", own.last()?),
        _ => target.to_owned(),
    };
    let exists = |start: &[&str]| {
        let words = start.iter().copied().chain(target.split(' '));
        let mut words = words.take_while(|word| !word.starts_with('-'));
        words
            .try_fold(root, |command, word| command.find_subcommand(word))
            .is_some()
    };
    if is_planned && exists(&["plan"]) {
        return Some(format!("plan {target}"));
    }
    exists(&[]).then_some(target)
}

/// Returns what is to be used instead of an option; `argument` is all that was typed.
pub fn option(argument: &str) -> Option<&'static str> {
    let name = argument.split('=').next().unwrap_or(argument);
    let name = format!("--{}", name.trim_start_matches('-'));
    let pointer = OPTIONS.iter().find(|(option, _)| *option == name);
    pointer.map(|(_, text)| *text)
}

/// Whether two words are so near that one may be meant by the other.
pub fn is_near(one: &str, other: &str) -> bool {
    distance(one, other) <= FAR
}

fn distance(one: &str, other: &str) -> usize {
    strsim::osa_distance(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_group_only_its_own_commands_are_named() {
        let leaf = |name: &'static str| Command::new(name);
        let group = |name, leaves: &[&'static str]| {
            Command::new(name).subcommands(leaves.iter().copied().map(leaf))
        };
        let all = || {
            [
                group(
                    "accessory",
                    &["boot", "details", "reboot", "remove", "restart", "start"],
                ),
                group(
                    "app",
                    &["boot", "details", "exec", "remove", "start", "stop"],
                ),
                group("build", &["create", "push"]),
                group("lock", &["release", "status"]),
                leaf("audit"),
                leaf("deploy"),
                group("prune", &["all", "containers", "images"]),
                leaf("remove"),
                leaf("rollback"),
            ]
        };
        let root = Command::new("mrsk")
            .subcommands(all())
            .subcommand(Command::new("plan").subcommands(all()));
        let used = |target: &str| Answer::Use(target.to_owned());
        let like = |target: &str| Answer::Like(target.to_owned());
        for (typed, expected) in [
            ("delete", used("remove")),
            ("accessory delete", used("accessory remove")),
            ("accessory rm", used("accessory remove")),
            ("accessory ps", used("accessory details")),
            ("accessory ssh", Answer::Nothing),
            ("accessory purge", Answer::Nothing),
            ("accessory restrat", like("accessory restart")),
            ("accessory rebot", like("accessory reboot")),
            ("plan accessory destroy", used("plan accessory remove")),
            ("app restart", used("app boot")),
            ("app ssh", used("app exec -i --reuse")),
            ("lock delete", used("lock release")),
            ("lock rm", used("lock release")),
            ("build clean", Answer::Nothing),
            ("upgrade", Answer::Nothing),
            ("update", Answer::Nothing),
            ("clean", used("prune all")),
            ("rolback", like("rollback")),
            ("rollbck", like("rollback")),
            ("depoy", like("deploy")),
            ("dep", Answer::Nothing),
            ("prune al", like("prune all")),
            ("accessory rem", Answer::Nothing),
            ("maintenance", Answer::Nothing),
        ] {
            let words: Vec<&str> = typed.split(' ').collect();
            let (name, path) = words.split_last().unwrap();
            assert_eq!(command(&root, path, name), expected, "{typed}");
        }
    }

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
