//! The network that connects Traefik with what it routes to.

use crate::docker::names::{NETWORK, TRAEFIK};
use crate::docker::{container, network};
use crate::name::StepId;
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::step::{StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;

/// Adds the network where a role needs it and it is missing.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        if !host.traefik {
            continue;
        }
        let subject = format!("network {NETWORK}");
        if host.facts.networks.contains(NETWORK) {
            draft.unchanged(Some(host.name()), &subject, "it exists");
            continue;
        }
        let step = StepBuilder::new(
            step_id(Some(host.name()), "network", NETWORK, "create"),
            StepKind::Network,
            Some(host.name()),
            format!("Create {subject}"),
            Reason::Missing { what: subject },
        )
        .needs(draft.find(Some(host.name()), StepKind::InstallDocker))
        .runs([network::create()])
        .done_when(vec![Predicate::contains(&["networks"], NETWORK)])
        .build();
        draft.add(step);
    }
}

/// Adds a step that lets a running Traefik reach what it routes to.
pub fn connect(draft: &mut Draft, host: &HostView, gate: Option<StepId>) {
    let subject = format!("Traefik's connection to network {NETWORK}");
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "connect"),
        StepKind::Traefik,
        Some(host.name()),
        format!("Connect Traefik to network {NETWORK}"),
        Reason::Missing { what: subject },
    )
    .needs(gate)
    .needs(draft.find(Some(host.name()), StepKind::Network))
    .runs([container::connect(TRAEFIK, None)])
    .done_when(vec![Predicate::contains(
        &["containers", TRAEFIK, "networks"],
        NETWORK,
    )])
    .on_failure(vec![container::logs(TRAEFIK)], Vec::new())
    .build();
    draft.add(step);
}
