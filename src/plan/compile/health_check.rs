//! The health check of a version on its own: a container of it that gets no request is started, asked, and removed.

use super::switch::health;
use super::{Draft, HostView, bootstrap, predicates, pull};
use crate::config::model::{DockerOption, Role};
use crate::docker::names::NETWORK;
use crate::docker::{container, image, names};
use crate::name::RoleName;
use crate::plan::compile::step::QUICK;
use crate::plan::{Predicate, Reason, StepKind, Travel};

/// Options of a role that only the container that serves can have.
const OF_THE_SERVING: [&str; 7] = [
    "ip",
    "ip6",
    "link-local-ip",
    "mac-address",
    "network-alias",
    "publish",
    "publish-all",
];

/// Adds the check for each selected role on each of its selected hosts. Containers that serve are left alone.
pub fn run(draft: &mut Draft) {
    bootstrap::run(draft);
    for host in &mut draft.hosts {
        host.changes = true;
    }
    pull::missing(draft);
    for slot in draft.slots.clone() {
        let host = draft.hosts.iter().find(|host| host.name() == slot.host);
        if let Some(host) = host.copied() {
            check(draft, &host, slot.role);
        }
    }
}

/// Returns the role as that of the container that is checked: nothing takes it for one that serves, or is to.
fn alone(role: &Role) -> Role {
    let is_shared = |option: &&DockerOption| !OF_THE_SERVING.contains(&option.name.as_str());
    let no_traefik = ("traefik.enable".to_owned(), "false".to_owned());
    Role {
        name: RoleName::from(format!("{}.healthcheck", role.name)),
        labels: [no_traefik].into(),
        options: role.options.iter().filter(is_shared).cloned().collect(),
        ..role.clone()
    }
}

fn check(draft: &mut Draft, host: &HostView, role: &Role) {
    let (config, version) = (draft.config, draft.version);
    let of_check = alone(role);
    let name = names::container(config, &of_check, version);
    let reference = image::reference(config, version);
    let home = &host.facts.home;
    let create = container::create(config, &of_check, &name, version, &reference, home);
    let area = role.name.as_str();
    let leftover = host.facts.containers.get(&name);
    let mut runs = Vec::from_iter(leftover.map(|_| container::remove(&name)));
    runs.push(create.run.clone());
    if host.facts.networks.contains(NETWORK) {
        runs.push(container::connect(&name, None));
    }
    runs.push(container::start(&name));
    let before = [StepKind::InstallDocker, StepKind::Pull];
    let start = host
        .step(StepKind::Start, [area, &name, "start"])
        .because(
            format!("Start {name}, to which nothing sends requests"),
            Reason::Requested,
        )
        .needs(draft.find_each(host.name(), &before))
        .does(runs)
        .secrets(&role.env.secret, Travel::Env)
        .done_when(predicates::runs(&name, &create))
        .on_failure([container::logs(&name)], [container::remove(&name)]);
    let started = draft.add(start);
    let waits = health::alone(config, role, &name);
    let healthy = host
        .step(StepKind::Healthcheck, [area, &name, "healthcheck"])
        .because(waits.summary, Reason::Requested)
        .needs([started])
        .does([waits.poll])
        .done_when([waits.done])
        .on_failure([container::logs(&name)], [container::remove(&name)])
        .timeout(waits.seconds.saturating_mul(2).saturating_add(QUICK));
    let healthy = draft.add(healthy);
    let seconds = config.stop_wait_time_of(&role.name);
    let remove = host
        .step(StepKind::Remove, [area, &name, "remove"])
        .because(
            format!("Stop and remove {name}"),
            Reason::needed_by("nothing is left of the check"),
        )
        .needs([healthy])
        .does([container::stop(&name, seconds), container::remove(&name)])
        .done_when([Predicate::absent(&["containers", &name])])
        .timeout(seconds.saturating_add(QUICK))
        .within_switch();
    draft.add(remove);
}

#[cfg(test)]
#[path = "health_check_tests.rs"]
mod tests;
