//! Installs curl and the container engine where they are missing, and starts the engine where it does not answer.

use crate::action::{Action, Run};
use crate::diagnostic::Diagnostic;
use crate::facts::model::DockerFacts;
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::step::{INSTALL, StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;
use crate::text::list;

/// How a package is installed on Debian and Ubuntu without a question, waiting for another apt that holds the lock.
const APT_INSTALL: [&str; 9] = [
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "-o",
    "DPkg::Lock::Timeout=300",
    "install",
    "--yes",
    "--no-install-recommends",
    "--quiet",
];

/// How the list of packages is brought up to date.
const APT_UPDATE: [&str; 5] = [
    "apt-get",
    "-o",
    "DPkg::Lock::Timeout=300",
    "--quiet",
    "update",
];

/// How a person asks the engine whether it is there; it is asked again until it is.
const ENGINE_PING: [&str; 12] = [
    "curl",
    "--silent",
    "--show-error",
    "--fail",
    "--retry",
    "60",
    "--retry-delay",
    "1",
    "--retry-all-errors",
    "--unix-socket",
    "/var/run/docker.sock",
    "http://localhost/_ping",
];

/// Adds at most one `install_docker` step for each host.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        check_support(draft, &host);
        if host.facts.docker.answers && host.facts.curl.installed {
            draft.unchanged(
                Some(host.name()),
                "docker",
                "curl is installed and Docker answers",
            );
        } else if !draft.operation.kind.prepares_hosts() {
            let (_, missing) = what_is_missing(&host);
            let what = if missing.is_empty() {
                "Docker does not answer".to_owned()
            } else {
                format!("{} is missing", list(&missing))
            };
            draft.refuse_unprepared(&host, &what);
        } else {
            let step = install(&host);
            draft.add(step.build());
        }
    }
}

fn check_support(draft: &mut Draft, host: &HostView) {
    for reason in crate::facts::refusals(host.facts) {
        draft
            .errors
            .push(Diagnostic::error(format!("host {}: {reason}", host.name())));
    }
}

/// Returns the packages to install, and for people what they are.
fn what_is_missing(host: &HostView) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut packages = Vec::new();
    let mut missing = Vec::new();
    if !host.facts.curl.installed {
        packages.extend(["curl", "ca-certificates"]);
        missing.push("curl");
    }
    if !host.facts.docker.installed {
        packages.push("docker.io");
        missing.push("docker");
    }
    (packages, missing)
}

fn install(host: &HostView) -> StepBuilder {
    let docker = &host.facts.docker;
    let (packages, missing) = what_is_missing(host);
    let mut actions = Vec::new();
    if !packages.is_empty() {
        let install: Vec<&str> = APT_INSTALL.into_iter().chain(packages).collect();
        actions.push(host.as_root(&APT_UPDATE));
        actions.push(host.as_root(&install));
    }
    if !docker.answers {
        actions.extend(start_engine(host));
    }
    let id = step_id(Some(host.name()), "docker", "engine", "install");
    let (summary, why) = explained(docker, &missing);
    actions
        .into_iter()
        .fold(
            StepBuilder::new(id, StepKind::InstallDocker, Some(host.name()), summary, why),
            StepBuilder::does,
        )
        .done_when(vec![
            Predicate::eq(&["curl", "installed"], true),
            Predicate::eq(&["docker", "installed"], true),
            Predicate::eq(&["docker", "answers"], true),
        ])
        .timeout(INSTALL)
}

fn explained(docker: &DockerFacts, missing: &[&str]) -> (String, Reason) {
    let what = list(missing);
    if !missing.is_empty() {
        return (format!("Install {what}"), Reason::Missing { what });
    }
    let (summary, what) = if docker.denied {
        (
            "Give the user access to Docker",
            "the user has no access to Docker",
        )
    } else {
        ("Start Docker", "Docker does not answer")
    };
    (summary.to_owned(), Reason::Incomplete { what: what.into() })
}

fn start_engine(host: &HostView) -> Vec<Action> {
    let start = if host.facts.service_manager == "systemd" {
        host.as_root(&["systemctl", "enable", "--now", "docker"])
    } else {
        host.as_root(&["service", "docker", "start"])
    };
    let mut actions = vec![start, host.as_root(&ENGINE_PING)];
    if host.facts.user != "root" {
        actions.push(host.as_root(&[
            "usermod",
            "--append",
            "--groups",
            "docker",
            &host.facts.user,
        ]));
    }
    actions.push(Action::Run(Run::literal(["docker", "--version"])));
    actions
}
