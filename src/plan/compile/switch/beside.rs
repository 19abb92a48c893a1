//! The containers of a role that get requests beside one that is switched.

use crate::facts::model::HostFacts;
use crate::plan::compile::existing::health;
use crate::plan::compile::placement::{alias_of, serves};
use crate::plan::compile::{Decision, Draft, Placement};
use crate::traefik::Beside;

/// Returns what gets requests beside the container of `placement` when it is routed: of those that are switched before it the new
/// ones, of those that follow what serves now.
pub fn beside(draft: &Draft, placement: &Placement, facts: &HostFacts) -> Vec<Beside> {
    let siblings = draft.placements_on(placement.host);
    let siblings = siblings
        .filter(|other| other.role.name == placement.role.name && other.index != placement.index);
    let found = siblings.flat_map(|other| {
        // What returns has started before the one step that routes.
        let is_switched = other.index < placement.index || placement.returns.is_some();
        match is_switched {
            true => vec![of_wanted(other)],
            false => until_switched(draft, other, facts),
        }
    });
    found.collect()
}

fn of_wanted(placement: &Placement) -> Beside {
    Beside {
        alias: placement.alias.clone(),
        labels: placement.labels.clone(),
        port: placement.health.0,
    }
}

/// Returns what gets the requests of `placement` until it is switched.
fn until_switched(draft: &Draft, placement: &Placement, facts: &HostFacts) -> Vec<Beside> {
    let check = draft.config.healthcheck_of(placement.role);
    let is_served = |name: &String| {
        let container = facts.containers.get(name)?;
        let is_up = container.state.is_up() && serves(facts, &placement.routing_path, container);
        is_up.then_some(container)
    };
    let own = match &placement.decision {
        Decision::Keep | Decision::Complete { .. } => is_served(&placement.name),
        // It keeps its place under another name.
        Decision::Replace { rename_to, .. } if rename_to.is_some() => is_served(&placement.name),
        Decision::Replace { .. } | Decision::StartExisting { .. } => None,
    };
    let old = placement.old.iter().filter_map(is_served);
    let found = own.into_iter().chain(old);
    found
        .filter_map(|container| {
            Some(Beside {
                alias: alias_of(container)?.clone(),
                labels: container.labels.clone(),
                port: health(container).map_or(check.port, |(port, _)| port),
            })
        })
        .collect()
}
