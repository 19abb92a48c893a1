//! Drains and stops the old containers.

use std::collections::BTreeSet;

use super::health::{restarts, still_healthy};
use super::route;
use crate::action::{Action, Poll, Probe, Reach};
use crate::docker::container::{self, RestartPolicy};
use crate::docker::names::{LABEL_HEALTHCHECK, NETWORK, TRAEFIK};
use crate::facts::model::{ContainerFacts, ContainerState, HostFacts};
use crate::name::StepId;
use crate::plan::compile::proxy::facts::is_served_by_labels;
use crate::plan::compile::step::QUICK;
use crate::plan::compile::{Draft, Placement};
use crate::plan::{Predicate, Reason, Step, StepKind};

/// An old container that is drained or stopped.
pub struct Old<'a> {
    /// Its name.
    pub name: &'a str,
    /// The step that must have ended before.
    pub after: Option<StepId>,
    /// Whether its first step begins the switch of its placement.
    pub begins: bool,
}

/// What a plan that routes requests to the new container needs until the old one is drained.
#[derive(Clone, Default)]
pub struct Routed {
    /// What sees that users reach the new container, if the step that routed was lost before that.
    pub asks: Option<Reach>,
    /// What sends requests to the old container again, if the new one fails.
    pub cleanup: Vec<Action>,
}

/// Adds the step that waits until `old` has no open requests, while the new container proves
/// itself.
pub fn drain(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    old: &Old,
    routed: Routed,
) -> StepId {
    let name = old.name;
    let seconds = draft.drain_timeout();
    let mut waits = idle(draft, placement, facts, name);
    waits.extend(still_healthy(draft, placement));
    let bound = u32::try_from(waits.len().saturating_add(1)).unwrap_or(u32::MAX);
    let summary = format!("Drain {name} (up to {seconds} s)");
    let step = step(placement, old, (StepKind::Drain, "drain"), summary)
        .does([route::proof(draft, placement, facts)])
        .does(routed.asks)
        .does(waits)
        .done_when([Predicate::eq(&["containers", name, "in_flight"], 0)])
        .on_failure(
            [container::logs(TRAEFIK), placement.logs(draft.config)],
            routed.cleanup,
        )
        .timeout(seconds.saturating_mul(bound).saturating_add(QUICK));
    draft.add(step)
}

/// Adds the step that stops `old`. A worker that can be told to take no more work gets its time to finish what it has before.
pub fn stop(draft: &mut Draft, placement: &Placement, old: &Old) -> StepId {
    let seconds = draft.config.stop_wait_time_of(&placement.role.name);
    let state = ["containers", old.name, "state"];
    let kind = (StepKind::Stop, "stop");
    let stop = container::stop(old.name, seconds);
    let step = match &placement.role.quiet_signal {
        None => step(placement, old, kind, format!("Stop {}", old.name))
            .timeout(seconds.saturating_add(QUICK)),
        Some(signal) => {
            let summary = format!(
                "Tell {} to take no more work, wait for its end (up to {seconds} s), and stop it",
                old.name
            );
            step(placement, old, kind, summary)
                .does(quiet(placement, old.name, (signal, seconds)))
                .on_failure(
                    [placement.logs(draft.config)],
                    take_up_again(placement, old.name, seconds),
                )
                .timeout(seconds.saturating_mul(2).saturating_add(QUICK))
        }
    };
    let step = step.does([stop]);
    draft.add(step.done_when([Predicate::eq(&state, ContainerState::Exited)]))
}

/// Returns what tells a worker to take no more work, and waits for its end while the new one runs. The engine would start it again.
fn quiet(placement: &Placement, old: &str, (signal, seconds): (&str, u32)) -> [Action; 3] {
    let ends = Poll {
        expect: Some(placement.name.clone()),
        restarts: restarts(placement),
        ..Poll::new(Probe::Ended, old, seconds.max(1))
    };
    [
        container::set_restart_policy(old, RestartPolicy::No).into(),
        container::signal(old, signal).into(),
        ends.into(),
    ]
}

/// Returns what lets a worker work again that was told to take no more, and removes the new one.
fn take_up_again(placement: &Placement, old: &str, seconds: u32) -> Vec<Action> {
    let again = [
        container::set_restart_policy(old, RestartPolicy::UnlessStopped),
        container::restart(old, seconds),
    ];
    let undo = placement.undo_start(seconds);
    again.into_iter().chain(undo).map(Action::from).collect()
}

/// Returns what steps about an old container have in common.
fn step(placement: &Placement, old: &Old, (kind, verb): (StepKind, &str), summary: String) -> Step {
    let why = Reason::Replaced {
        what: old.name.to_owned(),
    };
    let step = placement
        .step(kind, old.name, verb)
        .because(summary, why)
        .needs(old.after.clone());
    match old.begins {
        true => step,
        false => step.within_switch(),
    }
}

/// Looks whether a request to `old` is in flight, while the new container runs.
fn idle(draft: &Draft, placement: &Placement, facts: &HostFacts, old: &str) -> Vec<Poll> {
    let named = |name| facts.containers.get(name);
    let container = named(old).or_else(|| named(placement.name.as_str()));
    let unknown = ContainerFacts::default();
    let waits = in_flight(draft, old, container.unwrap_or(&unknown)).into_iter();
    let waits = waits.map(|poll| Poll {
        expect: Some(placement.name.clone()),
        restarts: restarts(placement),
        ..poll
    });
    waits.collect()
}

/// Looks, for each port that the container `name` serves, whether a request is in flight. Routes of mrsk lead into its network; to
/// a container that is routed by its labels, Traefik comes by any.
pub fn in_flight(draft: &Draft, name: &str, container: &ContainerFacts) -> Vec<Poll> {
    let mut ports = served_ports(container);
    if ports.is_empty() {
        ports.insert(draft.config.healthcheck.port);
    }
    let look = |port| Poll {
        port: Some(port),
        network: (!is_served_by_labels(container)).then(|| NETWORK.to_owned()),
        ..Poll::new(Probe::Idle, name, draft.drain_timeout().max(1))
    };
    ports.into_iter().map(look).collect()
}

/// Returns the TCP ports on which a container serves requests: those that its labels name, else
/// that of its health check.
fn served_ports(container: &ContainerFacts) -> BTreeSet<u16> {
    let is_port = |key: &str| {
        let key = key.to_lowercase();
        key.starts_with("traefik.") && key.ends_with(".loadbalancer.server.port")
    };
    let labels = container.labels.iter().filter(|(key, _)| is_port(key));
    let named = labels.filter_map(|(_, value)| value.trim().parse().ok());
    let named: BTreeSet<u16> = named.collect();
    if !named.is_empty() {
        return named;
    }
    let label = container.labels.get(LABEL_HEALTHCHECK);
    let port = label.and_then(|label| label.split(' ').next()?.parse().ok());
    port.into_iter().collect()
}
