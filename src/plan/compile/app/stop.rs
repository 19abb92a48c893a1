//! Stops the app: takes the requests away from each container, waits for those in flight, and stops it.

use std::collections::BTreeSet;

use crate::action::Run;
use crate::docker::container;
use crate::facts::model::{ContainerFacts, ContainerState};
use crate::name::{RoleName, StepId};
use crate::plan::compile::placement::{alias_of, index_of, of_service, serves};
use crate::plan::compile::step::QUICK;
use crate::plan::compile::switch::drain::in_flight;
use crate::plan::compile::{Draft, HostView, intercept};
use crate::plan::{Predicate, Reason, Step, StepKind};
use crate::traefik;

/// Seconds in which Traefik notices that a routing file is gone.
const UNROUTE_SECONDS: &str = "1";

/// Adds the stop of every running container of the selected roles.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        for role in selected_roles(draft, &host) {
            let found = containers(draft, &host, &role);
            let running = found
                .iter()
                .filter(|(_, container)| container.state.is_up());
            let unrouted = unroute(draft, &host, &role);
            if running.clone().next().is_none() && unrouted.is_none() {
                let reason = "not running";
                draft.unchanged(Some(host.name()), role.as_str(), reason);
            }
            let mut last = unrouted;
            for found in running {
                last = Some(end(draft, &host, &role, *found, last));
            }
        }
    }
}

/// Stops the containers that run beside the one that serves, which stays.
pub fn stale(draft: &mut Draft, host: &HostView) -> Vec<StepId> {
    let mut steps = Vec::new();
    for role in selected_roles(draft, host) {
        for (name, container) in stale_of(draft, host, &role) {
            steps.push(end(draft, host, &role, (name, container), None));
        }
    }
    steps
}

/// Returns the containers of `role` that run beside those that serve, or beside the newest if none does. Of each number that the role
/// has there, one serves.
pub fn stale_of<'a>(
    draft: &Draft<'a>,
    host: &HostView<'a>,
    role: &RoleName,
) -> Vec<(&'a str, &'a ContainerFacts)> {
    let path = routes_of(draft, host, role);
    let mut running = containers(draft, host, role);
    running.retain(|(_, container)| container.state.is_up());
    running.sort_by_key(|(name, container)| {
        let created = std::cmp::Reverse(container.created_at);
        (!serves(host.facts, &path, container), created, *name)
    });
    let roles = &draft.config.roles;
    let role = roles.iter().find(|configured| configured.name == *role);
    let replicas = role.map_or(1, |role| role.replicas);
    let mut standing = BTreeSet::new();
    running.retain(|(_, container)| {
        let index = index_of(container);
        // Where there is only one, it may be any of those that there were.
        let is_first = match replicas {
            1 => standing.is_empty(),
            _ => index < replicas && !standing.contains(&index),
        };
        standing.insert(index);
        !is_first
    });
    running
}

/// Returns the selected roles of `host`, in the order of the configuration.
pub fn selected_roles(draft: &Draft, host: &HostView) -> Vec<RoleName> {
    let slots = draft.slots.iter().filter(|slot| slot.host == host.name());
    slots.map(|slot| slot.role.name.clone()).collect()
}

/// Returns the selected roles of `host`, and if none was named those of which it has containers or routes although no role of that name is
/// configured there.
pub fn all_roles(draft: &Draft, host: &HostView) -> Vec<RoleName> {
    let mut roles = selected_roles(draft, host);
    if !draft.operation.roles.is_empty() {
        return roles;
    }
    let ours = host.facts.containers.values();
    let ours = ours.filter(|container| of_service(draft.config, container));
    let named = ours.filter_map(|container| container.labels.get("role").cloned());
    let directory = format!("{}/", host.facts.routing_directory);
    let files = host.facts.files.keys();
    let files = files.filter_map(|path| path.strip_prefix(&directory));
    let routed = files.filter_map(traefik::owner_of_file);
    let routed = routed.filter_map(|(service, role, destination)| {
        let is_ours = service == draft.config.service && destination == draft.config.destination;
        is_ours.then_some(role)
    });
    let intercepted = intercept::file::found(draft, host).into_iter();
    let intercepted = intercepted.map(|found| found.whose.role);
    for name in named
        .chain(routed)
        .chain(intercepted)
        .collect::<BTreeSet<String>>()
    {
        let role = RoleName::from(name.as_str());
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    roles
}

/// Returns the containers of `role` on `host`.
pub fn containers<'a>(
    draft: &Draft<'a>,
    host: &HostView<'a>,
    role: &RoleName,
) -> Vec<(&'a str, &'a ContainerFacts)> {
    let containers = host.facts.containers.iter();
    let ours = containers.filter(|(_, container)| {
        of_service(draft.config, container)
            && container.labels.get("role").map(String::as_str) == Some(role.as_str())
    });
    ours.map(|(name, container)| (name.as_str(), container))
        .collect()
}

/// Returns the path of the routing file of `role`.
pub fn routes_of(draft: &Draft, host: &HostView, role: &RoleName) -> String {
    let destination = draft.config.destination.as_deref();
    let file = traefik::file_name(&draft.config.service, destination, role.as_str());
    format!("{}/{file}", host.facts.routing_directory)
}

/// Returns a step about `subject`, for a role on a host.
pub fn step(host: &HostView, role: &RoleName, kind: StepKind, subject: &str, verb: &str) -> Step {
    let mut step = host.step(kind, [role.as_str(), subject, verb]);
    step.role = Some(role.clone());
    step
}

/// Adds the step after which Traefik has no route of `role`. `None` if there is none.
pub fn unroute(draft: &mut Draft, host: &HostView, role: &RoleName) -> Option<StepId> {
    let path = routes_of(draft, host, role);
    let file = host.facts.files.get(&path)?;
    let step = step(host, role, StepKind::Unroute, role.as_str(), "unroute")
        .because(
            format!("Remove the routes of {role}: requests to it are answered with 404"),
            Reason::Requested,
        )
        .does([
            Run::literal(["rm", "-f", &path]),
            Run::literal(["sleep", UNROUTE_SECONDS]),
        ])
        .done_when([Predicate::absent(&["files", &path])]);
    let is_still = Predicate::eq(&["files", &path, "sha256"], file.sha256.as_str());
    let id = draft.add(step);
    draft.rely(host.name(), is_still, vec![id.clone()]);
    Some(id)
}

/// Adds the steps that end a running container. Returns the last of them.
pub fn end(
    draft: &mut Draft,
    host: &HostView,
    role: &RoleName,
    (name, container): (&str, &ContainerFacts),
    after: Option<StepId>,
) -> StepId {
    let seconds = draft.config.stop_wait_time_of(role);
    let drain_seconds = draft.drain_timeout();
    let mut after = after;
    // To one that Traefik's Docker provider serves, requests come until it stops.
    if alias_of(container).is_some() {
        let waits = in_flight(draft, name, container);
        let bound = u32::try_from(waits.len()).unwrap_or(u32::MAX);
        let step = step(host, role, StepKind::Drain, name, "drain")
            .because(
                format!("Drain {name} (up to {drain_seconds} s)"),
                Reason::Requested,
            )
            .needs(after)
            .does(waits)
            .done_when([Predicate::eq(&["containers", name, "in_flight"], 0)])
            .timeout(drain_seconds.saturating_mul(bound).saturating_add(QUICK));
        after = Some(draft.add(within(step)));
    }
    let state = ["containers", name, "state"];
    let step = step(host, role, StepKind::Stop, name, "stop")
        .because(format!("Stop {name}"), Reason::Requested)
        .needs(after)
        .does([container::stop(name, seconds)])
        .done_when([Predicate::eq(&state, ContainerState::Exited)])
        .timeout(seconds.saturating_add(QUICK));
    let id = draft.add(within(step));
    let is_still = Predicate::eq(&["containers", name, "id"], container.id.as_str());
    draft.rely(host.name(), is_still, vec![id.clone()]);
    id
}

/// Makes `step` a part of what an earlier one began, unless it needs none.
fn within(step: Step) -> Step {
    match step.needs.is_empty() {
        true => step,
        false => step.within_switch(),
    }
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;
