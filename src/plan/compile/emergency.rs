//! What is left out of a switch in an emergency: what was asked for, and what a rollback leaves out by itself.

use super::draft::{Draft, Waits};
use super::placement::{alias_of, belongs, of_service, routing_path, serves};
use super::proxy::facts::is_routed;
use super::slot::Slot;
use crate::config::model::Config;
use crate::docker::names::LABEL_HEALTHCHECK;
use crate::facts::model::{ContainerFacts, Facts, HostFacts};
use crate::plan::operation::{Operation, OperationKind};
use crate::traefik;

/// Returns whether new containers get requests without a health check.
pub(super) fn skips_health(draft: &Draft) -> bool {
    draft.operation.break_glass.skip_healthcheck.is_some()
}

/// Returns whether no host waits for another.
pub(super) fn is_all_at_once(draft: &Draft) -> bool {
    draft.operation.break_glass.all_at_once || draft.waits == Waits::None
}

/// Returns which waits there are: a rollback has none if nothing serves that they could protect.
pub(super) fn waits(
    config: &Config,
    facts: &Facts,
    operation: &Operation,
    slots: &[Slot],
) -> Waits {
    let serves = |slot: &Slot| {
        let host = facts.hosts.get(slot.host);
        host.is_some_and(|host| serves_on(config, host, slot) || other_role_serves(config, host))
    };
    match operation.kind {
        OperationKind::Rollback(_) if !slots.iter().any(serves) => Waits::None,
        _ => Waits::All,
    }
}

/// Returns whether a container of the slot answers, as far as it can be told.
fn serves_on(config: &Config, host: &HostFacts, slot: &Slot) -> bool {
    let path = routing_path(config, slot.role, host);
    let answers = |container: &ContainerFacts| {
        // One of the original tool has neither an alias nor a label to be asked by.
        let is_routed =
            !slot.role.traefik || alias_of(container).is_none() || serves(host, &path, container);
        let is_asked = slot.role.traefik && container.labels.contains_key(LABEL_HEALTHCHECK);
        is_routed && (container.healthy || !is_asked)
    };
    let mut containers = host.containers.values();
    containers.any(|container| {
        belongs(config, slot.role, container) && container.state.is_up() && answers(container)
    })
}

/// Returns whether a container of a role that is not configured answers requests: its route is still there, as after a rename.
fn other_role_serves(config: &Config, host: &HostFacts) -> bool {
    let destination = config.destination.as_deref();
    let answers = |container: &ContainerFacts| {
        let Some(role) = container.labels.get("role") else {
            return false;
        };
        let file = traefik::file_name(&config.service, destination, role);
        let path = format!("{}/{file}", host.routing_directory);
        let is_asked = container.labels.contains_key(LABEL_HEALTHCHECK);
        let mut roles = config.roles.iter();
        roles.all(|known| known.name.as_str() != role)
            && is_routed(host, &path, container)
            && (container.healthy || !is_asked)
    };
    let mut containers = host.containers.values();
    containers.any(|container| of_service(config, container) && answers(container))
}

/// Says what is left out, above all else that a reviewer is told.
pub(super) fn warn(draft: &mut Draft) {
    let switches = draft.placements.iter().any(super::Placement::changes);
    let mut warnings = Vec::new();
    let broken = &draft.operation.break_glass;
    if !broken.is_none() {
        warnings.push(format!("break glass: {}", broken.parts().join("; ")));
    }
    if draft.waits == Waits::None && switches {
        let warning = "no container of the app answers now: all hosts roll back at once, without waiting for requests";
        warnings.push(warning.to_owned());
    }
    draft.warnings.splice(0..0, warnings);
}

#[cfg(test)]
#[path = "emergency_tests.rs"]
mod tests;
