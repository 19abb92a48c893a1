//! The adoption of a container that a Traefik serves by labels: the Traefik that takes over serves
//! it by a routing file.

use std::collections::BTreeMap;

use super::carried::{self, Adoption};
use super::facts::{command_line, is_served_by_labels, stays};
use super::trial::spec;
use crate::config::model::Config;
use crate::docker::names::{self, NETWORK};
use crate::facts::model::HostFacts;
use crate::plan::compile::placement::{alias_of, belongs};
use crate::plan::compile::{HostView, Placement};
use crate::traefik;

/// Returns what is to be done for the container that serves `placement`'s role, if it has no
/// routing file and Traefik is replaced.
///
/// # Errors
/// The container, and what of its labels the new Traefik would not take.
pub fn adoption(
    config: &Config,
    placement: &Placement,
    host: &HostView,
) -> Result<Option<Adoption>, (String, traefik::LabelError)> {
    let facts = host.facts;
    if let Some(proxy) = carried::replaces(config, facts) {
        return Ok(carried::of_role(config, placement, host, proxy));
    }
    if facts.traefik.is_none() || stays(facts) {
        return Ok(None);
    }
    let routed = facts.files.get(&placement.routing_path);
    let candidate = facts
        .containers
        .iter()
        .filter(|(_, c)| belongs(config, placement.role, c) && c.state.is_up())
        .filter(|(_, container)| is_served_by_labels(container))
        .max_by_key(|(_, container)| container.created_at);
    let Some((name, container)) = candidate.filter(|_| placement.role.traefik) else {
        return Ok(None);
    };
    let alias = match alias_of(container) {
        Some(alias) if routed.is_some_and(|file| file.aliases.contains(alias)) => return Ok(None),
        Some(alias) => alias.clone(),
        // Somebody connected it, and docker refuses to do so twice.
        None if container.networks.contains_key(NETWORK) => return Ok(None),
        None => {
            let (role, host) = (placement.role, placement.host);
            names::alias(config, role, host, &container.id, facts.serial.number)
        }
    };
    match routes(config, placement, facts, name, &alias) {
        Ok(text) => Ok(Some(Adoption {
            joins: alias_of(container).is_none(),
            container: name.clone(),
            alias,
            files: Vec::new(),
            path: placement.routing_path.clone(),
            text,
        })),
        Err(error) => Err((name.clone(), error)),
    }
}

/// Returns the routing file of a container, made from the labels by which it is served now.
fn routes(
    config: &Config,
    placement: &Placement,
    facts: &HostFacts,
    name: &str,
    alias: &str,
) -> Result<String, traefik::LabelError> {
    let empty = BTreeMap::new();
    let container = facts.containers.get(name);
    let labels = container.map_or(&empty, |container| &container.labels);
    let arguments = command_line(config, facts);
    let file = |read: &BTreeMap<String, String>| {
        traefik::routing_file(&traefik::RouteSpec {
            labels: read,
            alias,
            container: name,
            // Its files come with the new container.
            has_certificate: false,
            ..spec(config, placement, &arguments, &[labels])
        })
    };
    // Its rules may be of Traefik 2, which a newer one still reads if it is told so.
    file(labels).or_else(|mut errors| {
        file(&traefik::with_old_rules(labels)).map_err(|_| errors.swap_remove(0))
    })
}
