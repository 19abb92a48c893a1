//! Creates the network that connects Traefik with what it routes to.

use crate::docker::names::NETWORK;
use crate::docker::network;
use crate::plan::compile::draft::{Draft, StepBuilder, step_id};
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
