//! What the steps rely on: the facts that must still hold when the plan is applied.

use crate::docker::names::{NETWORK, TRAEFIK};
use crate::name::StepId;
use crate::plan::draft::{Draft, HostView};
use crate::plan::model::StepKind;
use crate::plan::predicate::Predicate;
use crate::plan::situation::{Placement, Situation};

/// Adds the predicates of every host. Each names the steps that need it or change it: while none of them has begun, it is tested.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let steps: Vec<StepId> = draft
            .steps
            .iter()
            .filter(|step| step.host.as_ref() == Some(host.name()))
            .map(|step| step.id.clone())
            .collect();
        if host.facts.docker.answers {
            draft.rely(
                host.name(),
                Predicate::eq(&["docker", "answers"], true),
                steps,
            );
        }
        if host.traefik {
            shared(draft, &host);
        }
    }
    for placement in draft.placements.clone() {
        container(draft, &placement);
    }
}

/// What services share: the network and Traefik.
fn shared(draft: &mut Draft, host: &HostView) {
    let of = |kinds: &[StepKind]| -> Vec<StepId> {
        kinds
            .iter()
            .flat_map(|kind| draft.find_all(host.name(), *kind))
            .collect()
    };
    let network = of(&[StepKind::Network]);
    let traefik = of(&[StepKind::Traefik]);
    let users = of(&[StepKind::Start, StepKind::Traefik]);
    let routes = of(&[StepKind::Route]);
    if network.is_empty() {
        draft.rely(
            host.name(),
            Predicate::contains(&["networks"], NETWORK),
            users,
        );
    }
    let id = host
        .facts
        .containers
        .get(TRAEFIK)
        .map(|container| container.id.as_str());
    let predicate = match id {
        Some(id) => Predicate::eq(&["containers", TRAEFIK, "id"], id),
        None => Predicate::absent(&["containers", TRAEFIK]),
    };
    if traefik.is_empty() {
        if let Some(directory) = host
            .facts
            .traefik
            .as_ref()
            .map(|traefik| traefik.directory.as_str())
        {
            draft.rely(
                host.name(),
                Predicate::eq(&["traefik", "directory"], directory),
                routes.clone(),
            );
        }
        draft.rely(host.name(), predicate, routes);
    } else {
        draft.rely(host.name(), predicate, traefik);
    }
}

/// What a switch relies on: the old containers, the routing file, and that nothing has the new name.
fn container(draft: &mut Draft, placement: &Placement) {
    if placement.situation == Situation::Runs {
        return;
    }
    let Some(facts) = draft.facts.hosts.get(placement.host) else {
        return;
    };
    let of = |verbs: &[&str]| -> Vec<StepId> {
        draft
            .steps
            .iter()
            .filter(|step| {
                step.host.as_ref() == Some(placement.host)
                    && step.role.as_ref() == Some(&placement.role.name)
                    && verbs
                        .iter()
                        .any(|verb| step.id.as_str().ends_with(&format!("/{verb}")))
            })
            .map(|step| step.id.clone())
            .collect()
    };
    let begin = of(&["rename", "start"]);
    let route = of(&["route"]);
    let whole = of(&["rename", "start", "healthcheck", "route", "drain", "stop"]);
    let ends = of(&["rename", "drain", "stop"]);
    let mut rely =
        |predicate, steps: &Vec<StepId>| draft.rely(placement.host, predicate, steps.clone());
    match facts.containers.get(&placement.name) {
        None => rely(Predicate::absent(&["containers", &placement.name]), &begin),
        Some(container) => {
            let steps = if begin.is_empty() { &whole } else { &begin };
            rely(
                Predicate::eq(
                    &["containers", &placement.name, "id"],
                    container.id.as_str(),
                ),
                steps,
            );
            if begin.is_empty() {
                rely(
                    Predicate::eq(&["containers", &placement.name, "state"], "running"),
                    steps,
                );
            }
        }
    }
    for old in &placement.old {
        let Some(container) = facts.containers.get(old) else {
            continue;
        };
        rely(
            Predicate::eq(&["containers", old, "id"], container.id.as_str()),
            &ends,
        );
        rely(
            Predicate::eq(&["containers", old, "state"], container.state.as_str()),
            &ends,
        );
    }
    if !placement.routing_path.is_empty() {
        let pointer = ["files", placement.routing_path.as_str(), "sha256"];
        let predicate = match facts.files.get(&placement.routing_path) {
            Some(file) => Predicate::eq(&pointer, file.sha256.as_str()),
            None => Predicate::absent(&pointer),
        };
        rely(predicate, &route);
    }
}
