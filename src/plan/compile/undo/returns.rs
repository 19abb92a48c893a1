//! Decides for each role on each host what serves again.

use std::collections::BTreeSet;

use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::facts::model::{ContainerFacts, Facts, HostFacts};
use crate::plan::Reason;
use crate::plan::compile::draft::{Draft, Result};
use crate::plan::compile::existing;
use crate::plan::compile::placement::{
    Decision, Placement, Served, alias_of, belongs, index_of, version_of,
};
use crate::plan::compile::proxy::facts::is_served_by_labels;
use crate::plan::compile::slot::Slot;
use crate::plan::compile::switch::route::is_known;

/// What becomes of a role on a host.
pub(super) struct Return<'a> {
    /// The role on its host.
    pub slot: Slot<'a>,
    /// What the host had before the plan.
    pub before: &'a HostFacts,
    /// What serves there before the plan, by its name then.
    pub served: Option<(&'a String, &'a ContainerFacts)>,
    /// What is to serve by the plan; `None` if the role is to have fewer containers there.
    pub wanted: Option<String>,
    /// Whether the plan starts it.
    pub starts: bool,
    /// What is to be done so that it serves again; `None` if nothing served.
    pub placement: Option<Placement<'a>>,
}

/// Decides for each role on each host what serves again.
pub(super) fn returns<'a>(first: &Draft<'a>, after: &'a Facts) -> Result<Vec<Return<'a>>> {
    let mut errors = Vec::new();
    let mut returns = Vec::new();
    for placement in first.placements.iter() {
        let (role, host, index) = (placement.role, placement.host, placement.index);
        let name = &placement.name;
        let slot = Slot { role, host, index };
        let (Some(before), Some(left)) = (first.facts.hosts.get(host), after.hosts.get(host))
        else {
            continue;
        };
        let served = existing::serving(first.config, slot, before);
        if let Some(name) = taken_over(placement, before) {
            let message = format!(
                "host {host}: there is no undo of the takeover of {name}, which another tool has started"
            );
            let help = "omit `--undo`; docs/takeover.md has the way back";
            errors.push(Diagnostic::error(message).help(help));
            continue;
        }
        let is_served_by_it = served.is_some_and(|(served, _)| served == name);
        let stays = !placement.changes() || is_served_by_it && !is_renamed(placement);
        let returned = match served {
            _ if stays => Some(Placement {
                decision: Decision::Keep,
                ..placement.clone()
            }),
            None => None,
            Some(served) => match back(first.config, slot, (before, left), served, placement) {
                Some(returned) => Some(returned),
                None => continue,
            },
        };
        returns.push(Return {
            slot,
            before,
            served,
            wanted: Some(name.clone()),
            starts: starts(placement),
            placement: returned,
        });
        if index + 1 == role.replicas {
            returns.extend(beyond(first.config, slot, (before, left)));
        }
    }
    restore_routes(first.config, &mut returns);
    match errors.is_empty() {
        true => Ok(returns),
        false => Err(errors),
    }
}

/// Returns what becomes of the containers that serve beyond the last one that the plan wants, which is at `slot`.
fn beyond<'a>(
    config: &'a Config,
    slot: Slot<'a>,
    (before, left): (&'a HostFacts, &'a HostFacts),
) -> Vec<Return<'a>> {
    let of_role = before.containers.values();
    let of_role = of_role.filter(|container| belongs(config, slot.role, container));
    let indexes: BTreeSet<u32> = of_role.map(index_of).collect();
    let indexes = indexes.into_iter().filter(|index| *index > slot.index);
    let found = indexes.filter_map(|index| {
        let slot = Slot { index, ..slot };
        let served = existing::serving(config, slot, before)?;
        let found = left.containers.get_key_value(served.0)?;
        let placement = existing::run(config, slot, left, found);
        Some(Return {
            slot,
            before,
            served: Some(served),
            wanted: None,
            starts: false,
            placement: Some(served_before(placement, (served.0, before))),
        })
    });
    found.collect()
}

/// Sees to it that each role on a host gets back its routing file, if only other containers of it are started or ended.
fn restore_routes(config: &Config, returns: &mut [Return]) {
    let is_one = |one: &Return, other: &Return| {
        one.slot.role.name == other.slot.role.name && one.slot.host == other.slot.host
    };
    for group in returns.chunk_by_mut(is_one) {
        let changes = |one: &Return| one.placement.as_ref().is_some_and(Placement::changes);
        let ends = group
            .iter()
            .any(|one| one.placement.is_none() && one.starts);
        let is_routed = group.iter().any(changes);
        let kept = group
            .iter_mut()
            .find(|one| one.slot.role.traefik && one.placement.is_some());
        let Some(kept) = kept.filter(|_| ends && !is_routed) else {
            continue;
        };
        if let Some(placement) = kept.placement.take() {
            let decision = Decision::Complete {
                missing: format!(
                    "its routing file names other containers of {}",
                    config.service
                ),
                route: true,
            };
            let placement = Placement {
                decision,
                ..placement
            };
            let name = placement.name.clone();
            kept.placement = Some(served_before(placement, (&name, kept.before)));
        }
    }
}

/// Returns the name of a container to which Traefik sends requests by its labels, if the plan takes it over.
fn taken_over<'a>(placement: &'a Placement, before: &HostFacts) -> Option<&'a String> {
    let mut old = placement.old.iter();
    let is_foreign = |name: &&String| {
        let container = before.containers.get(*name);
        container.is_some_and(|one| is_served_by_labels(one) || alias_of(one).is_none())
    };
    old.find(is_foreign).filter(|_| placement.role.traefik)
}

/// Whether a container is started that did not run.
fn starts(placement: &Placement) -> bool {
    matches!(
        placement.decision,
        Decision::Replace { .. } | Decision::StartExisting { .. }
    )
}

fn renamed_to<'p>(placement: &'p Placement) -> Option<&'p String> {
    match &placement.decision {
        Decision::Replace { rename_to, .. } => rename_to.as_ref(),
        Decision::Keep | Decision::Complete { .. } | Decision::StartExisting { .. } => None,
    }
}

fn is_renamed(placement: &Placement) -> bool {
    renamed_to(placement).is_some()
}

/// Decides what is to be done so that what served before the plan serves again.
fn back<'a>(
    config: &'a Config,
    slot: Slot<'a>,
    (before, left): (&HostFacts, &'a HostFacts),
    (served, _): (&String, &ContainerFacts),
    first: &Placement,
) -> Option<Placement<'a>> {
    let name = match renamed_to(first) {
        Some(renamed) if *served == first.name => renamed,
        _ => served,
    };
    let found = left.containers.get_key_value(name)?;
    let mut placement = existing::run(config, slot, left, found);
    let starts = starts(first);
    placement.old.retain(|old| starts && *old == first.name);
    let version = version_of(found.1);
    let started = left.containers.get(&first.name).map(version_of);
    if let Decision::StartExisting { why } = &mut placement.decision {
        *why = match started.as_ref() == Some(&version) {
            true => Reason::Replaced {
                what: first.name.clone(),
            },
            false => Reason::VersionChanged {
                old: started,
                new: version,
            },
        };
    }
    Some(served_before(placement, (served, before)))
}

/// Returns a placement that gets its requests by the routing file of before, when it had this name.
fn served_before<'a>(
    mut placement: Placement<'a>,
    (name, before): (&str, &HostFacts),
) -> Placement<'a> {
    let file = before.files.get(&placement.routing_path);
    let text = file
        .filter(|file| is_known(file))
        .map(|file| file.text.clone());
    placement.returns = Some(Served {
        name: name.to_owned(),
        text,
    });
    placement
}
