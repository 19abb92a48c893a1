//! Decides for each role on each host which container that exists already is to run: that of a
//! version, or the one that ran last.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Draft;
use super::placement::{
    Decision, Placement, Readiness, Wanted, alias_of, belongs, changed_secrets, complete, decide,
    index_of, routing_path, running_others, serves, version_of,
};
use super::slot::{self, Slot};
use crate::config::model::Config;
use crate::docker::names::{LABEL_HEALTHCHECK, LABEL_VERSION};
use crate::facts::model::{ContainerFacts, HostFacts};
use crate::plan::Reason;
use crate::text::list;

/// Decides what is to be done so that `slot` runs `version`: its container goes on or starts again; one that cannot is created
/// from the image.
pub(super) fn decide_version<'a>(
    config: &'a Config,
    slot: Slot<'a>,
    facts: &'a HostFacts,
    version: &str,
) -> Placement<'a> {
    let of_version = |container: &ContainerFacts| version_of(container) == version;
    let found = newest(config, slot, facts, of_version);
    match found.filter(|(_, found)| is_routable(slot, found) && slot::has_assets(facts, found)) {
        Some(found) => run(config, slot, facts, found),
        None => {
            let wanted = Wanted {
                version,
                image_digest: None,
                always: false,
            };
            decide(config, slot, facts, &wanted)
        }
    }
}

/// Decides what is to be done so that `slot` runs the container that runs, else the one that ran last. `None` if there is none.
pub(super) fn decide_last<'a>(
    config: &'a Config,
    slot: Slot<'a>,
    facts: &'a HostFacts,
) -> Option<Placement<'a>> {
    let found = newest(config, slot, facts, |_| true)?;
    let mut placement = run(config, slot, facts, found);
    // Whatever else runs is none of its business.
    placement.old.clear();
    if let Decision::StartExisting { why } = &mut placement.decision {
        // The step that routes it tells by this which version it is.
        *why = Reason::RanLast {
            version: version_of(found.1),
        };
    }
    let path = &placement.routing_path;
    let is_served = !slot.role.traefik || serves(facts, path, found.1);
    if let Decision::Complete { .. } = placement.decision
        && is_served
        && placement.readiness.is_reached(found.1)
    {
        placement.decision = Decision::Keep;
    }
    Some(placement)
}

/// Returns the container of `slot` that gets its requests, or that runs if no requests are routed to the role.
pub(super) fn serving<'a>(
    config: &Config,
    slot: Slot<'a>,
    facts: &'a HostFacts,
) -> Option<(&'a String, &'a ContainerFacts)> {
    let path = routing_path(config, slot.role, facts);
    newest(config, slot, facts, |container| {
        container.state.is_up() && (!slot.role.traefik || serves(facts, &path, container))
    })
}

/// Returns the container of `slot` that serves, else one that runs, else the one that ran last, of those that are `wanted` and can
/// be started.
fn newest<'a>(
    config: &Config,
    slot: Slot,
    facts: &'a HostFacts,
    wanted: impl Fn(&ContainerFacts) -> bool,
) -> Option<(&'a String, &'a ContainerFacts)> {
    let path = routing_path(config, slot.role, facts);
    let can_run = |container: &ContainerFacts| {
        container.state.is_up()
            || is_routable(slot, container)
                && container.stopped_at > 0
                && container.labels.contains_key(LABEL_VERSION)
    };
    let found = facts.containers.iter().filter(|(_, container)| {
        belongs(config, slot.role, container)
            && index_of(container) == slot.index
            && wanted(container)
            && can_run(container)
    });
    found.min_by_key(|(name, container)| {
        let is_up = container.state.is_up();
        let ran = Reverse((container.stopped_at, container.created_at));
        (
            !serves(facts, &path, container),
            !is_up,
            ran,
            (*name).clone(),
        )
    })
}

/// Returns whether requests can be sent to `container`, if any are: one of the original tool has no alias in mrsk's network.
fn is_routable(slot: Slot, container: &ContainerFacts) -> bool {
    !slot.role.traefik || alias_of(container).is_some()
}

/// Decides what is to be done so that `slot` runs the container that was found.
pub(super) fn run<'a>(
    config: &'a Config,
    slot: Slot<'a>,
    facts: &'a HostFacts,
    (name, found): (&'a String, &'a ContainerFacts),
) -> Placement<'a> {
    let Slot { role, host, index } = slot;
    let path = routing_path(config, role, facts);
    let others = running_others(config, slot, facts, name);
    let version = version_of(found);
    let old_version = others.first().map(|(_, container)| version_of(container));
    let why = Reason::VersionChanged {
        old: old_version,
        new: version.clone(),
    };
    let check = config.healthcheck_of(role);
    let mut placement = Placement {
        role,
        host,
        index,
        name: name.clone(),
        alias: alias_of(found).cloned().unwrap_or_default(),
        create: slot::create(config, slot, name, &version, facts),
        labels: &found.labels,
        readiness: Readiness::of_existing(config, role, found),
        health: health(found).unwrap_or((check.port, check.path.as_str())),
        routing_path: path.clone(),
        decision: Decision::StartExisting { why },
        old: others.iter().map(|(name, _)| (*name).clone()).collect(),
        returns: None,
    };
    if found.state.is_up() {
        placement.decision = Decision::Keep;
    }
    if found.state.is_up() && is_routable(slot, found) {
        let serves = |container: &ContainerFacts| serves(facts, &path, container);
        let others_serve = others.iter().any(|(_, container)| serves(container));
        complete(&mut placement, found, (serves, others_serve));
    }
    placement
}

/// Names the secrets that have other values in containers that start again than here.
pub(super) fn compare_secrets(draft: &mut Draft) {
    let mut differing: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    let mut is_unknown = false;
    for placement in draft.placements.iter() {
        if !matches!(placement.decision, Decision::StartExisting { .. }) {
            continue;
        }
        is_unknown |= placement.has_uncompared_secrets(draft.config, draft.facts);
        let host = draft.facts.hosts.get(placement.host);
        let container = host.and_then(|host| host.containers.get(&placement.name));
        if let Some(names) = container.and_then(changed_secrets) {
            let hosts = differing
                .entry((placement.role.name.as_str(), names))
                .or_default();
            if hosts.last() != Some(&placement.host.as_str()) {
                hosts.push(placement.host.as_str());
            }
        }
    }
    let lines = differing.into_iter().map(|((role, names), hosts)| {
        let hosts = list(&hosts);
        format!(
            "role {role} on {hosts}: the value of {names} differs from the local one, and stays; `--fresh-env` \
             starts the version with the local values"
        )
    });
    for line in Vec::from_iter(lines) {
        draft.warn(line);
    }
    if is_unknown {
        let reason =
            "those of the containers that start again were not compared with the local ones";
        draft.unchanged(None, "secrets", reason);
    }
}

/// Returns port and path of the health check that a container was started with.
pub(super) fn health(container: &ContainerFacts) -> Option<(u16, &str)> {
    let (port, path) = container.labels.get(LABEL_HEALTHCHECK)?.split_once(' ')?;
    Some((port.parse().ok()?, path))
}

#[cfg(test)]
#[path = "existing_tests.rs"]
mod tests;
