//! `mrsk remove`: removes all that a service and destination has on its hosts, and leaves what others use.

use std::collections::BTreeSet;

use super::accessories::owner;
use super::app::remove;
use super::placement::of_service;
use super::{Draft, HostView, accessories, bootstrap, proxy, registry, removal};
use crate::config::model::Accessory;
use crate::docker::container;
use crate::docker::names::{self, NETWORK};
use crate::name::StepId;
use crate::plan::OnFailure;

/// Adds the removal on every host.
pub fn run(draft: &mut Draft) {
    bootstrap::check_engine(draft);
    let tenants = tenants(draft);
    for host in draft.hosts.clone() {
        let mut steps = remove::of_host(draft, &host);
        for accessory in &draft.config.accessories {
            if !accessory.hosts.contains(host.name()) {
                continue;
            }
            let name = names::accessory(draft.config, accessory);
            let existing = host.facts.containers.get(&name);
            let other = existing.and_then(|found| owner::other(draft.config, found));
            let shared = owner::sharers(draft, &host, accessory);
            let reason = match (other, shared) {
                (Some(owner), _) => format!("it stays: {name} is of {owner}"),
                (None, Some(why)) if is_there(draft, &host, accessory) => {
                    let claim = owner::claim(draft, accessory);
                    format!("it stays: {why}; {claim}")
                }
                (None, None) if tenants.is_empty() => {
                    steps.extend(accessories::remove::whole(draft, &host, accessory));
                    continue;
                }
                (None, None) if is_there(draft, &host, accessory) => {
                    format!("it stays: {} may use it", tenants.join(", "))
                }
                (None, _) => continue,
            };
            draft.unchanged(Some(host.name()), &accessory.name, reason);
        }
        let others = proxy::operations::others(draft, &host);
        if others.is_empty() {
            let after = certain(draft, &steps);
            let mut shared = proxy::operations::remove(draft, &host, after);
            steps.extend(shared.clone());
            if host.facts.networks.contains(NETWORK) {
                let after = certain(draft, &steps);
                shared.push(removal::network(draft, &host, after));
            }
            proxy::operations::rely_on_no_others(draft, &host, shared);
        } else if host.facts.traefik.is_some() {
            let reason = format!("it stays: it also serves {}", others.join(", "));
            draft.unchanged(Some(host.name()), "traefik", reason);
        }
    }
    registry::logout(draft);
}

/// Returns whether an accessory has a container or data on `host`.
fn is_there(draft: &Draft, host: &HostView, accessory: &Accessory) -> bool {
    let name = names::accessory(draft.config, accessory);
    let base = container::accessory_directory(draft.config, accessory, &host.facts.home);
    host.facts.containers.contains_key(&name) || host.facts.directories.contains_key(&base)
}

/// Returns those of `steps` that must succeed.
fn certain(draft: &Draft, steps: &[StepId]) -> Vec<StepId> {
    let is_certain = |id: &&StepId| {
        let mut found = draft.steps.iter().filter(|step| step.id == **id);
        found.any(|step| step.on_failure != OnFailure::Tolerate)
    };
    steps.iter().filter(is_certain).cloned().collect()
}

/// Returns the other destinations of the service that have containers of roles on the hosts, as `destination NAME`.
fn tenants(draft: &Draft) -> Vec<String> {
    let hosts = draft.hosts.iter();
    let containers = hosts.flat_map(|host| host.facts.containers.values());
    let others = containers.filter(|container| {
        container.labels.get("service") == Some(&draft.config.service)
            && container.labels.contains_key("role")
            && !of_service(draft.config, container)
    });
    let others: BTreeSet<Option<&String>> = others
        .map(|container| container.labels.get("destination"))
        .collect();
    let named = others.into_iter();
    named
        .map(|destination| owner::destination(destination.map(String::as_str)))
        .collect()
}

#[cfg(test)]
#[path = "everything_tests.rs"]
mod tests;
