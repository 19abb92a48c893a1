//! The switch of one placement: its steps in their order.

use std::collections::BTreeMap;

use super::drain::{Old, Routed};
use super::{drain, health, route, start};
use crate::action::When;
use crate::name::{HostName, StepId};
use crate::plan::compile::intercept::standing;
use crate::plan::compile::proxy::{reach, takeover};
use crate::plan::compile::{Decision, Draft, HostView, Placement, emergency};

/// The ends of a switch.
#[derive(Default)]
pub struct Switched {
    /// The step after which the new container is healthy and, for a Traefik role, routed; `None` if
    /// it is so already.
    pub live: Option<StepId>,
    /// The last step.
    pub last: Option<StepId>,
}

/// Adds the steps of a role on a host: one container after the other, so that the others serve meanwhile. The first of them waits
/// for `gate`.
pub fn switch(
    draft: &mut Draft,
    hosts: &BTreeMap<&HostName, HostView>,
    replicas: &[&Placement],
    gate: Option<StepId>,
) -> Switched {
    let Some((placement, host)) = replicas
        .first()
        .and_then(|first| Some((*first, hosts.get(first.host)?)))
    else {
        return Switched::default();
    };
    // A Traefik that is told its routes by labels would send requests to the new container too early.
    let gate = match placement.role.traefik {
        true => takeover::run(draft, host, gate.clone()).or(gate),
        false => gate,
    };
    let gate = standing::cover(draft, host, placement, gate.clone()).or(gate);
    if replicas.iter().any(|one| one.returns.is_some()) {
        return together(draft, host, replicas, gate);
    }
    let mut switched = Switched::default();
    let mut before = gate;
    for (number, placement) in replicas.iter().enumerate() {
        let one = switch_one(draft, host, placement, before.clone());
        if number == 0 {
            switched.live = one.live;
        }
        before = one.last.or(before);
        switched.last.clone_from(&before);
    }
    switched
}

/// Adds the steps of one placement.
fn switch_one(
    draft: &mut Draft,
    host: &HostView,
    placement: &Placement,
    gate: Option<StepId>,
) -> Switched {
    let begun = begin(draft, host, placement, gate.clone());
    let is_live = matches!(
        placement.decision,
        Decision::Keep | Decision::Complete { route: false, .. }
    );
    let mut live = None;
    let mut routed = Routed::default();
    if !is_live {
        let before = begun.or_else(|| gate.clone());
        let is_routed = placement.role.traefik;
        let users = is_routed.then(|| reach::users(draft, placement, host.facts));
        let healthy = health::healthcheck(draft, placement, host.facts, (before, users.as_ref()));
        live = Some(healthy.clone());
        if let Some(users) = &users {
            routed = Routed {
                asks: users
                    .ask(placement, When::Unasked)
                    .filter(|_| !emergency::skips_health(draft)),
                cleanup: route::return_requests(draft, placement, host),
            };
            live = route::route(draft, placement, host, (users, &[healthy])).or(live);
        }
    }
    let last = end(draft, host, placement, (live.clone(), gate), &routed);
    Switched { live, last }
}

/// Adds the steps of what returns: all start, then one routing file names them, then what they replace ends. How much of the plan that
/// is undone was done is not known, and so there is no other file in between.
fn together(
    draft: &mut Draft,
    host: &HostView,
    replicas: &[&Placement],
    gate: Option<StepId>,
) -> Switched {
    let mut ready = Vec::new();
    let mut first = None;
    for placement in replicas {
        let begun = begin(draft, host, placement, gate.clone());
        if let Decision::Keep | Decision::Complete { route: false, .. } = placement.decision {
            continue;
        }
        let before = begun.or_else(|| gate.clone());
        let users = placement
            .role
            .traefik
            .then(|| reach::users(draft, placement, host.facts));
        ready.push(health::healthcheck(
            draft,
            placement,
            host.facts,
            (before, users.as_ref()),
        ));
        first = first.or(users.map(|users| (*placement, users)));
    }
    // What returns may have kept its requests: then nothing was asked before, and there is nowhere to send them back to.
    let routed = first.and_then(|(placement, users)| {
        route::route(draft, placement, host, (&users, ready.as_slice()))
    });
    let live = routed.or_else(|| ready.last().cloned());
    let mut last = live.clone();
    for placement in replicas {
        last = end(
            draft,
            host,
            placement,
            (last, gate.clone()),
            &Routed::default(),
        );
    }
    Switched { live, last }
}

/// Adds the steps that start the container of a placement, if it does not run.
fn begin(
    draft: &mut Draft,
    host: &HostView,
    placement: &Placement,
    gate: Option<StepId>,
) -> Option<StepId> {
    match &placement.decision {
        Decision::Keep | Decision::Complete { .. } => None,
        Decision::Replace { rename_to, .. } => {
            let renamed = rename_to
                .as_ref()
                .map(|to| start::rename(draft, placement, host.facts, to, gate.clone()));
            Some(start::start(draft, placement, gate.clone(), renamed))
        }
        Decision::StartExisting { .. } => Some(start::start_existing(draft, placement, gate)),
    }
}

/// Adds the steps that drain and stop what a placement replaces, after `last`, or after the gate if nothing was to be done for the new
/// container. Returns the last of all.
fn end(
    draft: &mut Draft,
    host: &HostView,
    placement: &Placement,
    (mut last, gate): (Option<StepId>, Option<StepId>),
    routed: &Routed,
) -> Option<StepId> {
    // The one that serves goes last: until then requests can return to it.
    for name in placement.old.iter().rev() {
        let mut old = Old {
            name,
            begins: last.is_none(),
            after: last.or_else(|| gate.clone()),
        };
        if placement.role.traefik {
            let drained = drain::drain(draft, placement, host.facts, &old, routed.clone());
            old.after = Some(drained);
            old.begins = false;
        }
        last = Some(drain::stop(draft, placement, &old));
    }
    last
}
