//! What to do if hosts do not answer while an operation is planned: the command that goes on without them.

use std::collections::BTreeMap;

use super::connections::Problems;
use super::failure::Failure;
use crate::diagnostic::Diagnostic;
use crate::name::HostName;
use crate::text;

/// The hosts that were asked.
pub struct Asked {
    /// Those that the operation is about, in the order of the configuration.
    pub selected: Vec<HostName>,
    /// The one that holds the deploy lock; `None` if no lock is taken.
    pub lock_host: Option<HostName>,
}

/// Returns the failure of a command that changed nothing since `problems` kept hosts from answering. Its help has the command without
/// them.
pub fn failure(problems: Problems, asked: &Asked) -> Failure {
    let Problems {
        diagnostics: problems,
        exit_code,
    } = problems;
    let typed: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let help = help(&problems, asked, &typed);
    let mut diagnostics: Vec<Diagnostic> = problems
        .into_iter()
        .map(|(host, mut problem)| {
            if asked.lock_host.as_ref() == Some(&host) {
                problem.message += " (lock host)";
            }
            problem
        })
        .collect();
    if let Some(last) = diagnostics.last_mut() {
        let advice = last.help.take().map(|advice| advice + "; ");
        last.help = Some(advice.unwrap_or_default() + &help);
    }
    Failure::of(exit_code, diagnostics)
}

fn help(problems: &BTreeMap<HostName, Diagnostic>, asked: &Asked, typed: &[String]) -> String {
    let others = asked.selected.iter();
    let others: Vec<&str> = others
        .filter(|host| !problems.contains_key(*host))
        .map(HostName::as_str)
        .collect();
    let Some(next) = others.first() else {
        return "nothing was changed".to_owned();
    };
    let mut words = vec!["mrsk".to_owned()];
    words.extend(without_hosts(typed));
    if others.len() < asked.selected.len() {
        words.extend(["--hosts".to_owned(), others.join(",")]);
    } else {
        words.extend(hosts_of(typed));
    }
    let lock_host = asked.lock_host.as_ref();
    let is_dead = lock_host.is_some_and(|host| problems.contains_key(host));
    if is_dead {
        words.extend(["--lock-host".to_owned(), (*next).to_owned()]);
    }
    let when = match is_dead {
        true => "only if the lock host is dead, go on without it",
        false => "to go on without such hosts",
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    format!(
        "nothing was changed; {when}: `{}`",
        text::command_line(&words)
    )
}

/// The options that name hosts.
const NAME_HOSTS: [&str; 3] = ["--hosts", "-h", "--lock-host"];

/// Returns whether an argument is such an option, and whether its value is the next one.
fn names_hosts(argument: &str) -> Option<bool> {
    let is_short = argument.starts_with("-h");
    let long = argument.split('=').next().unwrap_or(argument);
    match NAME_HOSTS.contains(&argument) {
        true => Some(true),
        false if NAME_HOSTS.contains(&long) || is_short => Some(false),
        false => None,
    }
}

/// Returns the arguments without `--primary` and the options that name hosts.
fn without_hosts(typed: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut typed = typed.iter();
    while let Some(argument) = typed.next() {
        match names_hosts(argument) {
            Some(true) => drop(typed.next()),
            Some(false) => {}
            None if argument == "--primary" || argument == "-p" => {}
            None => kept.push(argument.clone()),
        }
    }
    kept
}

/// Returns the options that select hosts, as they were typed.
fn hosts_of(typed: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut typed = typed.iter();
    while let Some(argument) = typed.next() {
        let is_lock = argument.starts_with("--lock-host");
        match names_hosts(argument) {
            Some(has_value) => {
                let value = has_value.then(|| typed.next()).flatten();
                if !is_lock {
                    found.extend([argument].into_iter().chain(value).cloned());
                }
            }
            None if argument == "--primary" || argument == "-p" => found.push(argument.clone()),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help_for(typed: &str, selected: &[&str], dead: &[&str]) -> String {
        let typed: Vec<String> = typed.split(' ').map(str::to_owned).collect();
        let problem = |host: &&str| (HostName::from(*host), Diagnostic::error("dead"));
        let asked = Asked {
            selected: selected.iter().copied().map(HostName::from).collect(),
            lock_host: Some(HostName::from("app1")),
        };
        help(&dead.iter().map(problem).collect(), &asked, &typed)
    }

    #[test]
    fn the_command_without_the_hosts_is_filled_in() {
        let all = ["app1", "app2", "app3"];
        for (typed, selected, dead, expected) in [
            (
                "deploy -y",
                &all[..],
                &["app2"][..],
                "to go on without such hosts: `mrsk deploy -y --hosts app1,app3`",
            ),
            (
                "deploy -h app1,app2 -r web",
                &all[..2],
                &["app2"],
                "to go on without such hosts: `mrsk deploy -r web --hosts app1`",
            ),
            (
                "plan deploy",
                &all,
                &["app1"],
                "only if the lock host is dead, go on without it: `mrsk plan deploy --hosts app2,app3 --lock-host app2`",
            ),
            (
                "app boot -r web --hosts app3",
                &all[2..],
                &["app1"],
                "only if the lock host is dead, go on without it: `mrsk app boot -r web --hosts app3 --lock-host app3`",
            ),
        ] {
            let expected = format!("nothing was changed; {expected}");
            assert_eq!(help_for(typed, selected, dead), expected);
        }
        let nothing = help_for("deploy", &all[..1], &["app1"]);
        assert_eq!(nothing, "nothing was changed");
    }
}
