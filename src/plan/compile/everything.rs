//! `mrsk remove`: removes all that a service and destination has on its hosts, and leaves what others use.

use std::collections::BTreeSet;

use super::app::remove;
use super::placement::of_service;
use super::{Draft, HostView, accessories, bootstrap, proxy, registry, removal};
use crate::docker::names::{self, NETWORK};
use crate::name::StepId;
use crate::plan::OnFailure;

/// Adds the removal on every host.
pub fn run(draft: &mut Draft) {
    bootstrap::check_engine(draft);
    for host in draft.hosts.clone() {
        let mut steps = remove::of_host(draft, &host);
        let tenants = tenants(draft, &host);
        for accessory in &draft.config.accessories {
            if !accessory.hosts.contains(host.name()) {
                continue;
            }
            if tenants.is_empty() {
                steps.extend(accessories::remove::whole(draft, &host, accessory));
            } else if host
                .facts
                .containers
                .contains_key(&names::accessory(draft.config, accessory))
            {
                let reason = format!("it stays: {} may use it", tenants.join(", "));
                draft.unchanged(Some(host.name()), &accessory.name, reason);
            }
        }
        let others = proxy::operations::others(draft, &host);
        if others.is_empty() {
            let after = certain(draft, &steps);
            steps.extend(proxy::operations::remove(draft, &host, after));
            if host.facts.networks.contains(NETWORK) {
                let after = certain(draft, &steps);
                removal::network(draft, &host, after);
            }
        } else if host.facts.traefik.is_some() {
            let reason = format!("it stays: it also serves {}", others.join(", "));
            draft.unchanged(Some(host.name()), "traefik", reason);
        }
    }
    registry::logout(draft);
}

/// Returns those of `steps` that must succeed.
fn certain(draft: &Draft, steps: &[StepId]) -> Vec<StepId> {
    let is_certain = |id: &&StepId| {
        let mut found = draft.steps.iter().filter(|step| step.id == **id);
        found.any(|step| step.on_failure != OnFailure::Tolerate)
    };
    steps.iter().filter(is_certain).cloned().collect()
}

/// Returns the other destinations of the service that have containers of roles on `host`, as `destination NAME`.
fn tenants(draft: &Draft, host: &HostView) -> Vec<String> {
    let containers = host.facts.containers.values();
    let others = containers.filter(|container| {
        container.labels.get("service") == Some(&draft.config.service)
            && container.labels.contains_key("role")
            && !of_service(draft.config, container)
    });
    let others: BTreeSet<Option<&String>> = others
        .map(|container| container.labels.get("destination"))
        .collect();
    let named = others.into_iter().map(|destination| match destination {
        Some(destination) => format!("destination {destination}"),
        None => "the service without a destination".to_owned(),
    });
    named.collect()
}

#[cfg(test)]
#[path = "everything_tests.rs"]
mod tests;
