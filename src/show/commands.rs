//! What runs, as command lines to copy.

use super::escape::{terminal, word};
use super::groups::{count, title};
use crate::action::{Action, Arg, Poll, Probe, Run};
use crate::plan::{Plan, Step};

/// The words that bash reads as its own at the start of a command and that need no quotes otherwise.
const RESERVED: &[&str] = &[
    "if", "then", "elif", "else", "fi", "time", "for", "in", "until", "while", "do", "done",
    "case", "esac", "coproc", "select", "function",
];

/// Returns every command of the plan as a line for bash, step by step under the step's id and place. What is no command (a
/// file that is written, a condition that is waited for) stands as a comment.
pub fn commands(plan: &Plan) -> String {
    let mut out = String::new();
    for step in &plan.steps {
        let place = title(plan, step.host.as_ref());
        out += &format!("# {} on {}\n", terminal(step.id.as_str()), terminal(&place));
        for line in lines(step) {
            out += &line;
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

/// Returns what a step does, one line for each of its actions.
pub(super) fn lines(step: &Step) -> Vec<String> {
    let barrier = step.barrier.as_ref().map(|barrier| {
        let mut text = format!("# waits for {}", count(step.needs.len(), "step"));
        if barrier.at_most_failed > 0 {
            text += &format!(", of which {} may fail", barrier.at_most_failed);
        }
        if barrier.wait_seconds > 0 {
            text += &format!(", and then {} s", barrier.wait_seconds);
        }
        text
    });
    barrier
        .into_iter()
        .chain(step.action.iter().map(line))
        .collect()
}

/// Returns one action as a line.
pub(super) fn line(action: &Action) -> String {
    match action {
        Action::Run(run) => command(run),
        Action::Write(write) => comment(&format!(
            "writes {} (mode {}, sha256 {})",
            write.path, write.mode, write.content
        )),
        Action::Upload(upload) => comment(&format!(
            "copies {}{} to {} (mode {}, sha256 {})",
            if upload.template {
                "what becomes of "
            } else {
                ""
            },
            upload.source,
            upload.path,
            upload.mode,
            upload.sha256
        )),
        Action::Poll(poll) => comment(&waits(poll)),
        Action::VerifyImage(verify) => {
            let wanted = match (&verify.digest, &verify.pushed_by) {
                (Some(digest), _) => digest.clone(),
                (None, Some(step)) => format!("what {step} pushed"),
                (None, None) => "there".to_owned(),
            };
            comment(&format!("verifies that {} is {wanted}", verify.reference))
        }
    }
}

/// Returns a command as a line for bash. Secrets and variables are taken from the environment by name.
pub(super) fn command(run: &Run) -> String {
    let words: Vec<String> = run
        .argv
        .iter()
        .enumerate()
        .map(|(at, arg)| match arg {
            Arg::Literal(text) if at == 0 => program(text),
            Arg::Literal(text) => word(text),
            Arg::FromEnv(name) => variable(name),
        })
        .collect();
    let mut line = words.join(" ");
    if let Some(name) = &run.stdin {
        line = format!("printf %s {} | {line}", variable(name));
    }
    if !run.env.is_empty() {
        let names = terminal(&run.env.join(", "));
        line += &format!("  # with {names} in the environment");
    }
    line
}

/// Returns a command's first word, such that a shell takes it for neither an assignment nor a word of its language.
fn program(text: &str) -> String {
    let quoted = word(text);
    if quoted == text && RESERVED.contains(&text) {
        format!("'{text}'")
    } else {
        quoted
    }
}

fn variable(name: &str) -> String {
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        format!("\"${name}\"")
    } else {
        format!("\"$(printenv {})\"", word(name))
    }
}

fn comment(text: &str) -> String {
    format!("# {}", terminal(text))
}

fn waits(poll: &Poll) -> String {
    let port = poll.port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = poll.path.as_deref().unwrap_or_default();
    let what = match poll.probe {
        Probe::Http => format!("{}{port}{path} answers 200", poll.container),
        Probe::Route => format!(
            "Traefik answers for {}",
            poll.expect.as_deref().unwrap_or(&poll.container)
        ),
        Probe::Idle => format!("{}{port} has no request in flight", poll.container),
        Probe::Running => format!("{} runs", poll.container),
    };
    format!(
        "waits until {what}: {} attempts of {} ms",
        poll.attempts, poll.interval_ms
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_odd_programs_are_copied_safely() {
        let mut run = Run::literal(["A=b", "A=b", "-x"]);
        assert_eq!(command(&run), "'A=b' 'A=b' -x");
        assert_eq!(command(&Run::literal(["time"])), "'time'");
        run = Run::literal(["docker", "login"]);
        run.stdin = Some("PASS".to_owned());
        assert_eq!(command(&run), "printf %s \"$PASS\" | docker login");
        run.stdin = Some("x$(id)".to_owned());
        assert_eq!(
            command(&run),
            "printf %s \"$(printenv 'x$(id)')\" | docker login"
        );
        run.stdin = None;
        run.env = vec!["A\nrm -rf".to_owned()];
        assert_eq!(
            command(&run),
            r"docker login  # with A\nrm -rf in the environment"
        );
    }
}
