//! A step that did not succeed: what it runs, how it ended, and what it printed.

use super::output::ends;
use super::page::Page;
use super::predicate::predicate;
use super::tally::Tally;
use super::tint::Tone;
use super::view::View;
use super::words;
use crate::action::{Action, Probe, Run};
use crate::apply::state::{GoneReason, StepStatus, StepSummary, Summary};
use crate::plan::kinds::Suspect;
use crate::plan::{Check, PlanHost, Step, StepKind, Travel};
use crate::text::{action_line, command, command_line, duration, one_line, shorten};

/// The number of steps that are shown in full.
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
        page.line(&format!("{}: {status}", view.named(&line.step)));
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
        StepStatus::Tolerated { .. } => ("failed (tolerated)", Tone::Unsure),
        _ => ("failed", Tone::Bad),
    };
    page.blank();
    page.heading(tone, label, &view.named(&line.step));
    if view.is_verbose() {
        page.field("step", &one_line(line.step.as_str()));
    }
    if let Some(step) = step {
        page.fields("command", step.action.iter().map(part));
    }
    page.field("ended", &ended(view, tally, line));
    let diagnosis = tally.diagnoses.get(&line.step).map_or("", String::as_str);
    let output = ends(diagnosis, OUTPUT_LINES);
    page.fields("output", output.into_iter().map(|line| format!("| {line}")));
    let Some(step) = step else { return };
    if matches!(line.status, StepStatus::Failed { .. }) {
        page.fields("help", help(step, diagnosis).into_iter());
        let ran = step
            .cleanup
            .iter()
            .map(|action| format!("ran {}", part(action)));
        page.fields("cleanup", ran);
    }
    if matches!(line.status, StepStatus::InDoubt | StepStatus::Lost) {
        page.fields("done if", check(step).into_iter());
        page.fields("look at", inspect(view, step).into_iter());
    }
}

/// What docker prints if something is missing on the build machine, and what to do about it.
const BUILD_FAILURES: [(&[&str], &str); 4] = [
    (
        &[
            "unknown command: docker buildx",
            "'buildx' is not a docker command",
            "buildx component is missing",
            "unknown flag: --secret",
        ],
        "install docker's buildx plugin (package docker-buildx-plugin or docker-buildx), or build for this machine's architecture \
         only and without build secrets: `builder: {multiarch: false}`",
    ),
    (
        &["exec format error"],
        "the build machine cannot run programs of another architecture: install QEMU there (packages qemu-user-static and \
         binfmt-support), or build on a machine of that architecture with `builder.remote`",
    ),
    (
        &["did you mean to append?"],
        "a builder of this name exists with other nodes: remove it with `docker buildx rm`, then resume",
    ),
    (
        &[
            "Host key verification failed",
            "Permission denied (publickey",
        ],
        "docker runs ssh for `builder.remote.host`: log in there once with ssh as this user, and make sure that ssh asks nothing",
    ),
];

/// What docker says where a registry refuses a login.
const REFUSALS: [&str; 3] = ["401 Unauthorized", "unauthorized:", "denied:"];

/// What docker says where a registry does not have an image.
const UNKNOWN: [&str; 2] = ["manifest unknown", "no such manifest"];

/// Returns which credentials to check, of a step that logs in.
fn credentials(step: &Step) -> Option<String> {
    if step.action.iter().any(Action::uses_kept_login) {
        let help = "if the registry refused the login that the host keeps, renew it: `mrsk registry logout`, then `mrsk registry login`";
        return Some(help.to_owned());
    }
    let secret = step
        .secrets
        .iter()
        .find(|secret| secret.via == Travel::Stdin)?;
    Some(format!(
        "if the registry refused the login, check the user in `registry`, and {} in the environment or in .env",
        one_line(&secret.name)
    ))
}

/// Returns what to do, for steps whose failure usually has one cause, or whose output names one.
fn help(step: &Step, output: &str) -> Option<String> {
    if step.asks_as_users() && output.contains(" after the switch, ") {
        return Some(
            "users no longer reached the app: look for errors about this role's labels in Traefik's log (404), and check the port \
             of its service (502)"
                .into(),
        );
    }
    let asks_traefik = step
        .action
        .iter()
        .any(|part| matches!(part, Action::Poll(poll) if poll.probe == Probe::Route));
    if asks_traefik {
        return Some(
            "look for errors about this role's labels in Traefik's log; one invalid file in Traefik's directory, of any service, \
             keeps it from reading the others; if the log says nothing of it, the directory was replaced since Traefik started, and \
             `docker restart traefik` on the host mounts the new one"
                .into(),
        );
    }
    if step.kind == StepKind::Pull && UNKNOWN.iter().any(|text| output.contains(text)) {
        return Some(
            "the registry has no such image: `mrsk build push` builds and pushes what is checked out; another version is named \
             with --version"
                .into(),
        );
    }
    let is_refused = REFUSALS.iter().any(|text| output.contains(text));
    match step.kind.suspect() {
        Suspect::Credentials => credentials(step),
        _ if is_refused => credentials(step),
        Suspect::BuildTools => BUILD_FAILURES
            .iter()
            .find(|(texts, _)| texts.iter().any(|text| output.contains(text)))
            .map(|(_, help)| (*help).to_owned()),
        Suspect::Unclear => None,
    }
}

/// Returns an action as a line, a digest in a comment shortened.
fn part(action: &Action) -> String {
    match action {
        Action::Run(run) => command(run),
        other => shorten(&action_line(other)),
    }
}

/// Returns how the step ended, at which attempt, and after how long.
fn ended(view: &View, tally: &Tally, line: &StepSummary) -> String {
    let step = view.step(&line.step);
    let attempt = match line.attempt {
        0 | 1 => String::new(),
        attempt => format!(", attempt {attempt}"),
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
            "unknown{attempt}{took}: it started and no longer runs, and its check cannot tell"
        ),
        StepStatus::Lost => {
            let host = step.and_then(|step| step.host.as_ref());
            let gone = match host.and_then(|host| tally.gone.get(host)) {
                None => "its host was given up".to_owned(),
                Some((GoneReason::Unreachable, why)) => {
                    format!("its host became unreachable ({})", one_line(why))
                }
                Some((GoneReason::Failed, why)) => format!("its host failed ({})", one_line(why)),
            };
            format!("unknown{attempt}{took}: {gone}; it may still run there")
        }
        other => words::status(step, other),
    }
}

/// Returns what tells whether the step took effect.
pub(super) fn check(step: &Step) -> Vec<String> {
    match &step.check {
        Some(Check::Facts(predicates)) => predicates.iter().map(predicate).collect(),
        Some(Check::Argv(arguments)) => vec![command_line(arguments)],
        Some(Check::Registry(commands)) => commands.iter().map(|argv| command_line(argv)).collect(),
        None => vec!["none: check by hand".into()],
    }
}

/// Returns commands that show the state of the host, to be run on the machine that applies the plan.
pub(super) fn inspect(view: &View, step: &Step) -> Vec<String> {
    let runs: &[Run] = &step.diagnose;
    let route = step
        .host
        .as_ref()
        .and_then(|host| Some((host.as_str(), view.plan.hosts.get(host)?)));
    let Some((host, route)) = route else {
        return runs.iter().map(command).collect();
    };
    if runs.is_empty() {
        return vec![command_line(&ssh(host, route))];
    }
    runs.iter()
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
