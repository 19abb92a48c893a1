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

/// Adds the steps of one placement. The first of them waits for `gate`.
pub fn switch(
    draft: &mut Draft,
    hosts: &BTreeMap<&HostName, HostView>,
    placement: &Placement,
    gate: Option<StepId>,
) -> Switched {
    let Some(host) = hosts.get(placement.host) else {
        return Switched::default();
    };
    // A Traefik that is told its routes by labels would send requests to the new container too early.
    let gate = match placement.role.traefik {
        true => takeover::run(draft, host, gate.clone()).or(gate),
        false => gate,
    };
    let gate = standing::cover(draft, host, placement, gate.clone()).or(gate);
    let begun = match &placement.decision {
        Decision::Keep | Decision::Complete { .. } => None,
        Decision::Replace { rename_to, .. } => {
            let renamed = rename_to
                .as_ref()
                .map(|to| start::rename(draft, placement, host.facts, to, gate.clone()));
            Some(start::start(draft, placement, gate.clone(), renamed))
        }
        Decision::StartExisting { .. } => {
            Some(start::start_existing(draft, placement, gate.clone()))
        }
    };
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
            // What returns may have kept its requests: then nothing was asked before, and there is nowhere to send them back to.
            if placement.returns.is_none() {
                routed = Routed {
                    asks: users
                        .ask(placement, When::Unasked)
                        .filter(|_| !emergency::skips_health(draft)),
                    cleanup: route::return_requests(draft, placement, host),
                };
            }
            live = route::route(draft, placement, host, (users, &healthy)).or(live);
        }
    }
    let mut last = live.clone();
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
    Switched { live, last }
}
