//! Steps by which what serves now is served by a Traefik that is to take over, and what both takeovers have in common.

use super::adoption::adoption;
use super::carried::Adoption;
use super::proof;
use crate::action::{Poll, Probe, Run};
use crate::docker::container;
use crate::docker::names::NETWORK;
use crate::name::StepId;
use crate::plan::compile::{Draft, HostView, Placement, predicates};
use crate::plan::{Reason, Step, StepKind};

/// Seconds in which the proxy that goes may finish requests. It accepts no others meanwhile, so
/// that they count as gap.
pub const STOP_SECONDS: u32 = 2;

/// Seconds from the stop of the one to the first answer of the other, as measured.
pub const GAP_SECONDS: &str = "1 to 3";

/// Seconds for which a Traefik without a route of this service must run to count as up.
const STEADY_SECONDS: u32 = 3;

/// The adoptions before a new Traefik starts.
#[derive(Default)]
pub struct Adopted {
    /// The containers.
    pub containers: Vec<String>,
    /// The steps that write routing files.
    pub steps: Vec<StepId>,
    /// What proves that the new Traefik serves the adopted containers.
    pub proofs: Vec<Poll>,
}

impl Adopted {
    /// Returns what proves that the new Traefik, the container `name`, serves.
    pub fn proofs_of(self, name: &str) -> Vec<Poll> {
        match self.proofs.is_empty() {
            true => vec![Poll::new(Probe::Running, name, STEADY_SECONDS)],
            false => self.proofs,
        }
    }
}

/// Adopts the containers of the plan's roles that are served now, for a new Traefik that is the container `new`.
pub fn adopt_served(
    draft: &mut Draft,
    host: &HostView,
    new: &str,
    gate: Option<&StepId>,
) -> Adopted {
    let placements = draft.placements_on(host.name());
    let placements = placements.filter(|placement| placement.role.traefik && placement.index == 0);
    let placements: Vec<Placement> = placements.cloned().collect();
    let mut adopted = Adopted::default();
    for placement in &placements {
        match adoption(draft.config, placement, host) {
            Ok(Some(adoption)) => {
                let step = |kind, verb: &str| placement.step(kind, &adoption.container, verb);
                let step = adopt(draft, host, &step, &adoption, gate.cloned());
                let proof = proof::routed_by(new, &adoption.alias, &adoption.container);
                adopted.containers.push(adoption.container);
                adopted.steps.push(step);
                adopted.proofs.push(proof);
            }
            Ok(None) => {}
            Err((container, error)) => draft.warn(format!(
                "host {}: the new Traefik cannot serve {container} until the new version is up: label \
                 `{}`: {}",
                host.name(),
                error.label,
                error.message
            )),
        }
    }
    adopted
}

/// Adds the steps by which a container that serves now gets a routing file of its own, each made by `step` of its kind and verb.
pub fn adopt(
    draft: &mut Draft,
    host: &HostView,
    step: &dyn Fn(StepKind, &str) -> Step,
    adoption: &Adoption,
    gate: Option<StepId>,
) -> StepId {
    let (container, alias, text) = (&adoption.container, &adoption.alias, &adoption.text);
    let mut after = gate;
    if adoption.joins {
        let why = Reason::needed_by("the new Traefik can send requests to it");
        let before = [StepKind::Network, StepKind::Traefik];
        let connect = step(StepKind::Network, "connect")
            .because(format!("Connect {container} to network {NETWORK}"), why)
            .needs(after)
            .needs(draft.find_each(host.name(), &before))
            .does([container::connect(container, Some(alias))])
            .done_when([predicates::has_alias(container, alias)]);
        after = Some(draft.add(connect));
    }
    let why = Reason::needed_by(format!("the new Traefik serves {container} at once"));
    let directory = (!adoption.files.is_empty())
        .then(|| Run::literal(["mkdir", "-p", &host.facts.routing_directory]));
    let write = draft.write(&adoption.path, text.clone());
    let adopt = step(StepKind::Route, "adopt")
        .because(format!("Write the routes of {container} to a file"), why)
        .needs(after)
        .does(directory)
        .does(adoption.files.clone())
        .does([write])
        .done_when(predicates::is_routed(&adoption.path, text, alias));
    draft.add(adopt)
}
