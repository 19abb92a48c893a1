//! The network that connects Traefik with what it routes to.

use crate::docker::names::{NETWORK, TRAEFIK};
use crate::docker::{container, network};
use crate::name::StepId;
use crate::plan::compile::{Draft, HostView, predicates};
use crate::plan::{Predicate, Reason, StepKind};

/// Adds the network if a role needs it and it is missing.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone().iter().filter(|host| host.traefik) {
        let subject = format!("network {NETWORK}");
        if host.facts.networks.contains(NETWORK) {
            draft.unchanged(Some(host.name()), &subject, "it exists");
            continue;
        }
        let step = host
            .step(StepKind::Network, ["network", NETWORK, "create"])
            .because(format!("Create {subject}"), Reason::missing(subject))
            .needs(draft.find_each(host.name(), &[StepKind::InstallDocker]))
            .does([network::create()])
            .done_when([Predicate::contains(&["networks"], NETWORK)]);
        draft.add(step);
    }
}

/// Adds a step that lets a running Traefik reach what it routes to.
pub fn connect(draft: &mut Draft, host: &HostView, gate: Option<StepId>) {
    let why = Reason::missing(format!("Traefik's connection to network {NETWORK}"));
    let mut step = host
        .step(StepKind::Traefik, ["traefik", TRAEFIK, "connect"])
        .because(format!("Connect Traefik to network {NETWORK}"), why)
        .needs(gate)
        .needs(draft.find_each(host.name(), &[StepKind::Network]))
        .does([container::connect(TRAEFIK, None)])
        .done_when([predicates::is_in_network(TRAEFIK, NETWORK)]);
    step.diagnose = vec![container::logs(TRAEFIK)];
    draft.add(step);
}
