//! Installs curl and the container engine if missing, and starts an engine that does not answer.

use super::{Draft, HostView};
use crate::action::Action;
use crate::diagnostic::Diagnostic;
use crate::docker;
use crate::plan::compile::step::INSTALL;
use crate::plan::{Predicate, Reason, Step, StepKind};
use crate::text::list;

/// How a package is installed on Debian and Ubuntu without a question, waiting for another apt that
/// holds the lock.
const APT_INSTALL: &str = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install --yes --no-install-recommends --quiet";

/// How the list of packages is brought up to date.
const APT_UPDATE: &str = "apt-get -o DPkg::Lock::Timeout=300 --quiet update";

/// How a person asks the engine whether it is there; it is asked again until it is.
const ENGINE_PING: &str = "curl --silent --show-error --fail --retry 60 --retry-delay 1 \
    --retry-all-errors --unix-socket /var/run/docker.sock http://localhost/_ping";

/// Adds at most one `install_docker` step for each host.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let reasons = crate::facts::refusals(host.facts);
        for reason in &reasons {
            draft.refuse(Diagnostic::error(format!("host {}: {reason}", host.name())));
        }
        if host.facts.docker.answers && host.facts.curl.installed {
            let reason = "curl is installed and Docker is running";
            draft.unchanged(Some(host.name()), "docker", reason);
        } else if draft.operation.kind.prepares_hosts() {
            if reasons.is_empty() && is_silent(&host) {
                let message = format!(
                    "host {}: Docker is not running, so mrsk cannot see what runs there",
                    host.name()
                );
                draft.refuse(Diagnostic::error(message).help(
                    "mrsk has deployed to this host before: start Docker there (`sudo systemctl start docker`)",
                ));
            }
            draft.add(install(&host));
        } else {
            let (_, missing) = what_is_missing(&host);
            let what = match missing.as_slice() {
                [] => "Docker is not running".to_owned(),
                [one] => format!("{one} is missing"),
                more => format!("{} are missing", list(more)),
            };
            draft.refuse_unprepared(&host, &what);
        }
    }
}

/// Whether containers that a plan would have to know start again with an engine that is not running.
fn is_silent(host: &HostView) -> bool {
    let docker = &host.facts.docker;
    docker.installed && !docker.answers && host.facts.serial.number > 0
}

/// Refuses hosts whose engine does not answer: what runs there is unknown. On one without an engine nothing does.
pub fn check_engine(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let docker = &host.facts.docker;
        if docker.installed && !docker.answers {
            let problem = format!("host {}: Docker is not running", host.name());
            draft.refuse(Diagnostic::error(problem).help("start it; nothing was changed"));
        }
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
        missing.push("Docker");
    }
    (packages, missing)
}

fn install(host: &HostView) -> Step {
    let docker = &host.facts.docker;
    let (packages, missing) = what_is_missing(host);
    let mut actions = Vec::new();
    if !packages.is_empty() {
        actions.push(host.as_root(APT_UPDATE, &[]));
        actions.push(host.as_root(APT_INSTALL, &packages));
    }
    if !docker.answers {
        actions.extend(start_engine(host));
    }
    let (summary, why) = explained(&missing);
    host.step(StepKind::InstallDocker, ["docker", "engine", "install"])
        .because(summary, why)
        .does(actions)
        .done_when([
            Predicate::eq(&["curl", "installed"], true),
            Predicate::eq(&["docker", "installed"], true),
            Predicate::eq(&["docker", "answers"], true),
        ])
        .timeout(INSTALL)
}

fn explained(missing: &[&str]) -> (String, Reason) {
    match missing {
        [] => {
            let what = "Docker is not running".into();
            ("Start Docker".to_owned(), Reason::Incomplete { what })
        }
        _ => (
            format!("Install {}", list(missing)),
            Reason::missing(list(missing)),
        ),
    }
}

fn start_engine(host: &HostView) -> Vec<Action> {
    let start = match host.facts.service_manager.as_str() {
        "systemd" => "systemctl enable --now docker",
        _ => "service docker start",
    };
    let mut actions = vec![host.as_root(start, &[]), host.as_root(ENGINE_PING, &[])];
    if host.facts.user != "root" {
        actions.push(host.as_root("usermod --append --groups docker", &[&host.facts.user]));
    }
    actions.push(docker::version().into());
    actions
}

#[cfg(test)]
#[path = "bootstrap_tests.rs"]
mod tests;
