//! A step that did not end well: what it was, what it ran, how it ended, and what the host said.

use super::outcome::Page;
use super::output::ends;
use super::tally::Tally;
use super::{Tone, View, words};
use crate::action::{Action, Probe, Run};
use crate::apply::state::{StepStatus, StepSummary, Summary};
use crate::plan::kinds::Suspect;
use crate::plan::{Check, PlanHost, Step};
use crate::text::{action_line, command, command_line, duration, one_line};

/// The number of steps that are told in full.
const IN_FULL: usize = 5;
/// Lines of output that are shown of a failed step.
const OUTPUT_LINES: usize = 36;

/// Adds a section for each step that failed, was lost, or is in doubt; beyond the first ones a line each.
pub(super) fn sections(page: &mut Page, view: &View, tally: &Tally, summary: &Summary) {
    let steps = summary.steps.iter().filter(|line| {
        matches!(
            line.status,
            StepStatus::Failed { .. }
                | StepStatus::Tolerated { .. }
                | StepStatus::Lost
                | StepStatus::InDoubt
        )
    });
    let mut steps: Vec<&StepSummary> = steps.collect();
    steps.sort_by_key(|line| rank(&line.status));
    for line in steps.iter().take(IN_FULL) {
        section(page, view, tally, line);
    }
    let rest = steps.get(IN_FULL..).unwrap_or_default();
    if !rest.is_empty() {
        page.blank();
    }
    for line in rest {
        let status = words::status(view.step(&line.step), &line.status);
        page.line(&format!("{}: {status}", one_line(line.step.as_str())));
    }
}

fn rank(status: &StepStatus) -> u8 {
    match status {
        StepStatus::Failed { .. } => 0,
        StepStatus::Lost => 1,
        StepStatus::InDoubt => 2,
        _ => 3,
    }
}

fn section(page: &mut Page, view: &View, tally: &Tally, line: &StepSummary) {
    let step = view.step(&line.step);
    let (label, tone) = match line.status {
        StepStatus::InDoubt => ("in doubt", Tone::Unsure),
        StepStatus::Lost => ("lost", Tone::Bad),
        StepStatus::Tolerated { .. } => ("failed, and tolerated", Tone::Unsure),
        _ => ("failed", Tone::Bad),
    };
    page.blank();
    page.heading(tone, label, &one_line(line.step.as_str()));
    page.field("host", &view.host_of(&line.step));
    if let Some(step) = step {
        page.field("what", &one_line(&step.summary));
        page.fields("command", step.action.iter().map(action_line));
    }
    page.field("ended", &ended(view, tally, line));
    let said = tally.diagnoses.get(&line.step).map_or("", String::as_str);
    let output = ends(said, OUTPUT_LINES);
    page.fields("output", output.into_iter().map(|line| format!("| {line}")));
    let Some(step) = step else { return };
    if matches!(line.status, StepStatus::Failed { .. }) {
        page.fields("help", help(step, said).into_iter());
        page.fields("cleanup", step.cleanup.iter().map(action_line));
    }
    if matches!(line.status, StepStatus::InDoubt | StepStatus::Lost) {
        page.fields("check", check(step).into_iter());
        page.fields("look", look(view, step).into_iter());
    }
}

/// What docker says of a lack on the machine that builds, and what to do about it.
const LACKS: [(&[&str], &str); 4] = [
    (
        &[
            "unknown command: docker buildx",
            "'buildx' is not a docker command",
            "buildx component is missing",
            "unknown flag: --secret",
        ],
        "install docker's buildx plugin (package docker-buildx-plugin, or docker-buildx), or build for this machine's architecture alone and without build secrets: `builder: {multiarch: false}`",
    ),
    (
        &["exec format error"],
        "the machine that builds cannot run programs of another architecture: install QEMU there (packages qemu-user-static and binfmt-support), or build on a machine of that architecture with `builder.remote`",
    ),
    (
        &["did you mean to append?"],
        "a builder of this name was made with other nodes: remove it with `docker buildx rm`, and run this again",
    ),
    (
        &[
            "Host key verification failed",
            "Permission denied (publickey",
        ],
        "docker runs ssh for `builder.remote.host`: log in there once with ssh as this user, and see that it asks for nothing",
    ),
];

/// Returns what to do, for steps whose failure mostly has one cause, or whose output names one.
fn help(step: &Step, output: &str) -> Option<String> {
    let asks_traefik = step
        .action
        .iter()
        .any(|part| matches!(part, Action::Poll(poll) if poll.probe == Probe::Route));
    if asks_traefik {
        return Some(
            "what Traefik's log says of a router is about the labels of this role; a file that it cannot read, whose-ever it is, \
             keeps it from reading all of that directory"
                .into(),
        );
    }
    let secret = step.secrets.first();
    match step.kind.suspect() {
        Suspect::Credentials => secret.map(|secret| {
            format!(
                "if it says that the login is wrong, check `registry.username`, and {} in the environment or in .env",
                one_line(&secret.name)
            )
        }),
        Suspect::BuildTools => LACKS
            .iter()
            .find(|(texts, _)| texts.iter().any(|text| output.contains(text)))
            .map(|(_, help)| (*help).to_owned()),
        Suspect::Unclear => None,
    }
}

/// Returns how the step ended, at which attempt, and how long all of them took.
fn ended(view: &View, tally: &Tally, line: &StepSummary) -> String {
    let step = view.step(&line.step);
    let attempt = match line.attempt {
        0 | 1 => String::new(),
        attempt => format!(", at attempt {attempt}"),
    };
    let took = match (line.started, line.ended) {
        (Some(started), Some(ended)) => format!(", after {}", duration(ended.since(started))),
        _ => String::new(),
    };
    match &line.status {
        StepStatus::Failed { ending }
        | StepStatus::Tolerated {
            ending: Some(ending),
        } => format!("{}{attempt}{took}", words::ending(step, *ending)),
        StepStatus::InDoubt => format!(
            "not seen{attempt}{took}: it was begun, nothing of it is alive, and its check cannot say"
        ),
        StepStatus::Lost => {
            let host = step.and_then(|step| step.host.as_ref());
            let why = host.and_then(|host| tally.gone.get(host));
            let why = why.map_or(String::new(), |why| format!(" ({})", one_line(why)));
            format!("not seen{attempt}{took}: its host went away{why}, and it may still run there")
        }
        other => words::status(step, other),
    }
}

/// Returns what tells whether the step's effect is there.
pub(super) fn check(step: &Step) -> Vec<String> {
    match &step.check {
        Some(Check::Facts(predicates)) => predicates.iter().map(words::predicate).collect(),
        Some(Check::Argv(arguments)) => vec![command_line(arguments)],
        None => vec!["none: only you can tell".into()],
    }
}

/// Returns commands that show what is there, as they are typed on the machine that applies the plan.
pub(super) fn look(view: &View, step: &Step) -> Vec<String> {
    let looks: &[Run] = &step.diagnose;
    let route = step
        .host
        .as_ref()
        .and_then(|host| Some((host.as_str(), view.plan.hosts.get(host)?)));
    let Some((host, route)) = route else {
        return looks.iter().map(command).collect();
    };
    if looks.is_empty() {
        return vec![command_line(&ssh(host, route))];
    }
    looks
        .iter()
        .map(|run| {
            let mut arguments = ssh(host, route);
            arguments.push(command(run));
            command_line(&arguments)
        })
        .collect()
}

fn ssh(host: &str, route: &PlanHost) -> Vec<String> {
    let mut arguments = vec!["ssh".to_owned()];
    if let Some(proxy) = &route.ssh.proxy {
        arguments.extend(["-J".into(), proxy.clone()]);
    }
    if let Some(command) = &route.ssh.proxy_command {
        arguments.extend(["-o".into(), format!("ProxyCommand={command}")]);
    }
    if let Some(port) = route.ssh.port {
        arguments.extend(["-p".into(), port.to_string()]);
    }
    arguments.push(format!("{}@{host}", route.ssh.user));
    arguments
}
