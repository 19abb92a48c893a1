//! What the steps rely on: the facts that must still hold when the plan is applied.

use super::proxy::facts::is_to_be_created;
use crate::docker::image;
use crate::docker::names::{NETWORK, TRAEFIK};
use crate::facts::model::{ContainerFacts, ContainerState, HostFacts};
use crate::name::StepId;
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::placement::{Decision, Placement};
use crate::plan::kinds::StepKind;
use crate::plan::predicate::Predicate;

/// Adds the predicates of every host. Each names the steps that need it or change it: while none of them has begun, it is tested.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let steps: Vec<StepId> = draft
            .steps_on(Some(host.name()))
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
    let network: Vec<StepId> = draft
        .steps_on(Some(host.name()))
        .filter(|step| step.kind == StepKind::Network && step.role.is_none())
        .map(|step| step.id.clone())
        .collect();
    let traefik = of(&[StepKind::Traefik]);
    let users = of(&[StepKind::Network, StepKind::Start, StepKind::Traefik]);
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
        draft.rely(host.name(), predicate, traefik.clone());
    }
    if is_to_be_created(host) {
        for port in draft.config.traefik.published_ports() {
            let port = port.to_string();
            let predicate = match host.facts.ports.get(&port) {
                Some(held) => Predicate::eq(&["ports", &port, "holder"], held.holder.as_str()),
                None => Predicate::absent(&["ports", &port]),
            };
            draft.rely(host.name(), predicate, traefik.clone());
        }
    }
}

/// What a switch relies on: the old containers, the routing file, and that nothing has the new name.
fn container(draft: &mut Draft, placement: &Placement) {
    if !placement.changes() {
        return;
    }
    let Some(facts) = draft.facts.hosts.get(placement.host) else {
        return;
    };
    let of = |kinds: &[StepKind]| -> Vec<StepId> {
        draft
            .steps_on(Some(placement.host))
            .filter(|step| step.role.as_ref() == Some(&placement.role.name))
            .filter(|step| kinds.contains(&step.kind))
            .map(|step| step.id.clone())
            .collect()
    };
    let begin = of(&[StepKind::Rename, StepKind::Start]);
    let switch = of(&[
        StepKind::Healthcheck,
        StepKind::Route,
        StepKind::Drain,
        StepKind::Stop,
    ]);
    let name = placement.name.as_str();
    let mut found: Vec<(Predicate, Vec<StepId>)> = Vec::new();
    match facts.containers.get(name) {
        None => found.push((Predicate::absent(&["containers", name]), begin)),
        Some(container) if !begin.is_empty() => {
            let id = Predicate::eq(&["containers", name, "id"], container.id.as_str());
            found.push((id, begin));
        }
        Some(container) => {
            let id = Predicate::eq(&["containers", name, "id"], container.id.as_str());
            found.push((id, switch.clone()));
            found.extend(runs(name, container).map(|predicate| (predicate, switch.clone())));
        }
    }
    if let Decision::Replace {
        rename_to: Some(to),
        ..
    } = &placement.decision
    {
        found.push((
            Predicate::absent(&["containers", to]),
            of(&[StepKind::Rename]),
        ));
    }
    for old in &placement.old {
        let Some(container) = facts.containers.get(old) else {
            continue;
        };
        let ends = ["connect", "adopt", "drain", "stop"].map(|verb| placement.step_id(old, verb));
        let kinds = [
            StepKind::Network,
            StepKind::Route,
            StepKind::Drain,
            StepKind::Stop,
        ];
        let ends: Vec<StepId> = of(&kinds)
            .into_iter()
            .filter(|step| ends.contains(step))
            .collect();
        let id = Predicate::eq(&["containers", old, "id"], container.id.as_str());
        found.push((id, ends.clone()));
        found.extend(runs(old, container).map(|predicate| (predicate, ends)));
    }
    if !placement.routing_path.is_empty() {
        let pointer = ["files", placement.routing_path.as_str(), "sha256"];
        let predicate = match facts.files.get(&placement.routing_path) {
            Some(file) => Predicate::eq(&pointer, file.sha256.as_str()),
            None => Predicate::absent(&pointer),
        };
        let route = of(&[StepKind::Route]);
        let users = if route.is_empty() { switch } else { route };
        found.push((predicate, users));
    }
    found.extend(pinned_image(draft, facts).map(|predicate| (predicate, of(&[StepKind::Start]))));
    for (predicate, steps) in found {
        draft.rely(placement.host, predicate, steps);
    }
}

/// Returns that a container runs, where it does: one that is restarted over and over runs now and does not then.
fn runs(name: &str, container: &ContainerFacts) -> Option<Predicate> {
    (container.state == ContainerState::Running)
        .then(|| Predicate::eq(&["containers", name, "state"], container.state))
}

/// Returns that the host has the pinned image, where it has: it is not pulled then.
fn pinned_image(draft: &Draft, facts: &HostFacts) -> Option<Predicate> {
    let digest = draft.image_digest?;
    let reference = image::reference(draft.config, draft.version);
    let has = facts.images.get(&reference)?.digests.contains(digest);
    has.then(|| Predicate::contains(&["images", &reference, "digests"], digest))
}
