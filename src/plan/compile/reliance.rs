//! What the steps rely on: the facts that must still hold when the plan is applied.

use super::proxy::facts::stays;
use super::step::step_id;
use super::{Decision, Draft, HostView, Placement};
use crate::action::Action;
use crate::docker::image;
use crate::docker::names::{NETWORK, TRAEFIK};
use crate::facts::model::{ContainerFacts, ContainerState, HostFacts};
use crate::name::{HostName, StepId};
use crate::plan::{Predicate, Step, StepKind};

/// Adds the predicates of every host. Each names the steps that need it or change it: while none of
/// them has begun, it is tested.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        if host.facts.docker.answers {
            let predicate = Predicate::eq(&["docker", "answers"], true);
            draft.rely(host.name(), predicate, ids(draft, host.name(), |_| true));
        }
        kept_login(draft, &host);
        if host.traefik {
            shared(draft, &host);
        }
    }
    let placements = draft.placements.clone();
    for placement in placements.iter() {
        container(draft, placement);
    }
}

/// Returns the steps on `host` that are `wanted`.
fn ids(draft: &Draft, host: &HostName, wanted: impl Fn(&Step) -> bool) -> Vec<StepId> {
    let steps = draft.steps_on(Some(host)).filter(|step| wanted(step));
    steps.map(|step| step.id.clone()).collect()
}

/// Returns that `field` of what is at `place` is `actual`, or that nothing is there.
fn is_still([area, name]: [&str; 2], field: &str, actual: Option<&str>) -> Predicate {
    match actual {
        Some(actual) => Predicate::eq(&[area, name, field], actual),
        None => Predicate::absent(&[area, name]),
    }
}

/// Returns the id of the container `name`.
fn container_id<'a>(facts: &'a HostFacts, name: &str) -> Option<&'a str> {
    facts
        .containers
        .get(name)
        .map(|container| container.id.as_str())
}

/// The login that is kept, if something is pulled with it.
fn kept_login(draft: &mut Draft, host: &HostView) {
    let users = ids(draft, host.name(), |step| {
        step.action.iter().any(Action::uses_kept_login)
    });
    let registry = image::login_name(draft.config.registry.server.as_deref());
    draft.rely(
        host.name(),
        Predicate::contains(&["logins"], registry),
        users,
    );
}

/// What services share: the network and Traefik.
fn shared(draft: &mut Draft, host: &HostView) {
    let (name, facts) = (host.name(), host.facts);
    let of = |kind| ids(draft, name, |step| step.kind == kind);
    let created = step_id(Some(name), ["network", NETWORK, "create"]);
    let creates_network = |step: &Step| step.id == created;
    let (traefik, routes) = (of(StepKind::Traefik), of(StepKind::Route));
    let mut found = Vec::new();
    // What is started apart from users does without.
    if ids(draft, name, creates_network).is_empty() && facts.networks.contains(NETWORK) {
        let users = [of(StepKind::Network), of(StepKind::Start), traefik.clone()].concat();
        found.push((Predicate::contains(&["networks"], NETWORK), users));
    }
    let id = is_still(["containers", TRAEFIK], "id", container_id(facts, TRAEFIK));
    if traefik.is_empty() {
        let directory = facts
            .traefik
            .as_ref()
            .map(|traefik| traefik.directory.as_str());
        found.extend(directory.map(|directory| {
            (
                Predicate::eq(&["traefik", "directory"], directory),
                routes.clone(),
            )
        }));
        found.push((id, routes));
    } else {
        found.push((id, traefik.clone()));
    }
    if !stays(facts) {
        found.extend(
            draft
                .config
                .traefik
                .published_ports()
                .into_iter()
                .map(|port| {
                    let port = port.to_string();
                    let holder = facts.ports.get(&port).map(|taken| taken.holder.as_str());
                    (
                        is_still(["ports", &port], "holder", holder),
                        traefik.clone(),
                    )
                }),
        );
    }
    for (predicate, steps) in found {
        draft.rely(name, predicate, steps);
    }
}

/// What a switch relies on: the old containers, the routing file, and that the new name is free.
fn container(draft: &mut Draft, placement: &Placement) {
    if !placement.changes() {
        return;
    }
    let Some(facts) = draft.facts.hosts.get(placement.host) else {
        return;
    };
    let of = |kinds: &[StepKind]| {
        ids(draft, placement.host, |step| {
            step.role.as_ref() == Some(&placement.role.name) && kinds.contains(&step.kind)
        })
    };
    use StepKind::{Drain, Healthcheck, Network, Rename, Route, Start, Stop};
    let name = placement.name.as_str();
    // The role may have other containers on the host.
    let own = |kinds: &[StepKind], name: &str, verbs: &[&str]| {
        let mut steps = of(kinds);
        steps.retain(|step| {
            verbs
                .iter()
                .any(|verb| *step == placement.step_id(name, verb))
        });
        steps
    };
    let begin = own(&[Rename, Start], name, &["rename", "start"]);
    let mut switch = own(&[Healthcheck, Route], name, &["healthcheck", "route"]);
    for old in &placement.old {
        switch.extend(own(&[Drain, Stop], old, &["drain", "stop"]));
    }
    let id = is_still(["containers", name], "id", container_id(facts, name));
    let mut found: Vec<(Predicate, Vec<StepId>)> = Vec::new();
    match facts.containers.get(name).filter(|_| begin.is_empty()) {
        Some(container) => {
            found.push((id, switch.clone()));
            found.extend(runs(name, container).map(|predicate| (predicate, switch.clone())));
        }
        None => found.push((id, begin)),
    }
    if let Decision::Replace {
        rename_to: Some(to),
        ..
    } = &placement.decision
    {
        found.push((
            Predicate::absent(&["containers", to]),
            own(&[Rename], name, &["rename"]),
        ));
    }
    for old in &placement.old {
        let Some(container) = facts.containers.get(old) else {
            continue;
        };
        let ends = ["connect", "adopt", "drain", "stop"];
        let steps = own(&[Network, Route, Drain, Stop], old, &ends);
        let id = Predicate::eq(&["containers", old, "id"], container.id.as_str());
        found.push((id, steps.clone()));
        found.extend(runs(old, container).map(|predicate| (predicate, steps)));
    }
    if !placement.routing_path.is_empty() {
        let pointer = ["files", placement.routing_path.as_str(), "sha256"];
        let predicate = match facts.files.get(&placement.routing_path) {
            Some(file) => Predicate::eq(&pointer, file.sha256.as_str()),
            None => Predicate::absent(&pointer),
        };
        let route = of(&[Route]);
        found.push((predicate, if route.is_empty() { switch } else { route }));
    }
    found.extend(pinned_image(draft, facts).map(|predicate| (predicate, of(&[Start]))));
    for (predicate, steps) in found {
        draft.rely(placement.host, predicate, steps);
    }
}

/// Returns that a container runs, if it does: one that is restarted again and again may not.
fn runs(name: &str, container: &ContainerFacts) -> Option<Predicate> {
    (container.state == ContainerState::Running)
        .then(|| Predicate::eq(&["containers", name, "state"], container.state))
}

/// Returns that the host has the pinned image, if it has: it is not pulled then.
fn pinned_image(draft: &Draft, facts: &HostFacts) -> Option<Predicate> {
    let digest = draft.pinned_digest()?;
    let reference = image::reference(draft.config, draft.version);
    let has = facts.images.get(&reference)?.digests.contains(digest);
    has.then(|| Predicate::contains(&["images", &reference, "digests"], digest))
}
