//! Stops the app: takes the requests away from each container, waits for those in flight, and stops it.

use crate::action::Run;
use crate::docker::container;
use crate::facts::model::{ContainerFacts, ContainerState};
use crate::name::StepId;
use crate::plan::compile::placement::{Slot, routing_path, running_others};
use crate::plan::compile::proxy::facts::is_served_by_labels;
use crate::plan::compile::step::QUICK;
use crate::plan::compile::switch::drain::in_flight;
use crate::plan::compile::{Draft, HostView};
use crate::plan::{Predicate, Reason, Step, StepKind};

/// Seconds in which Traefik notices that a routing file is gone.
const UNROUTE_SECONDS: &str = "1";

/// Adds the stop of every running container of the selected roles.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        for slot in draft.slots.clone() {
            if slot.host == host.name() {
                stop(draft, &host, slot);
            }
        }
    }
}

/// Adds the steps after which no container of `slot` runs. Returns the last of them.
pub fn stop(draft: &mut Draft, host: &HostView, slot: Slot) -> Option<StepId> {
    let unrouted = unroute(draft, host, slot);
    let mut last = unrouted.clone();
    let running = running_others(draft.config, slot.role, host.facts, "");
    if running.is_empty() && unrouted.is_none() {
        let reason = "no container of it is running";
        draft.unchanged(Some(host.name()), slot.role.name.as_str(), reason);
    }
    for (name, container) in running {
        last = Some(end(draft, host, slot, (name, container), last));
    }
    last
}

/// Returns a step about `subject`, for a role on a host.
fn step(host: &HostView, slot: Slot, kind: StepKind, subject: &str, verb: &str) -> Step {
    let role = &slot.role.name;
    let mut step = host.step(kind, [role.as_str(), subject, verb]);
    step.role = Some(role.clone());
    step
}

/// Adds the step after which Traefik has no route of the role. `None` if there is none.
pub fn unroute(draft: &mut Draft, host: &HostView, slot: Slot) -> Option<StepId> {
    let role = &slot.role.name;
    let path = routing_path(draft.config, slot.role, host.facts);
    let file = host.facts.files.get(&path)?;
    let step = step(host, slot, StepKind::Unroute, role.as_str(), "unroute")
        .because(
            format!("Remove the routes of {role}: requests to it are answered with 404"),
            Reason::Requested,
        )
        .does([
            Run::literal(["rm", "-f", &path]),
            Run::literal(["sleep", UNROUTE_SECONDS]),
        ])
        .done_when([Predicate::absent(&["files", &path])]);
    let is_still = Predicate::eq(&["files", &path, "sha256"], file.sha256.as_str());
    let id = draft.add(step);
    draft.rely(host.name(), is_still, vec![id.clone()]);
    Some(id)
}

/// Adds the steps that end a running container. Returns the last of them.
fn end(
    draft: &mut Draft,
    host: &HostView,
    slot: Slot,
    (name, container): (&str, &ContainerFacts),
    after: Option<StepId>,
) -> StepId {
    let (seconds, drain_seconds) = (draft.config.stop_wait_time, draft.config.drain_timeout);
    let mut after = after;
    // While Traefik's Docker provider serves it, requests come until it stops.
    if slot.role.traefik && !is_served_by_labels(container) {
        let waits = in_flight(draft.config, name, container);
        let bound = u32::try_from(waits.len()).unwrap_or(u32::MAX);
        let step = step(host, slot, StepKind::Drain, name, "drain")
            .because(
                format!("Drain {name} (up to {drain_seconds} s)"),
                Reason::Requested,
            )
            .needs(after)
            .does(waits)
            .done_when([Predicate::eq(&["containers", name, "in_flight"], 0)])
            .timeout(drain_seconds.saturating_mul(bound).saturating_add(QUICK));
        after = Some(draft.add(within(step)));
    }
    let state = ["containers", name, "state"];
    let step = step(host, slot, StepKind::Stop, name, "stop")
        .because(format!("Stop {name}"), Reason::Requested)
        .needs(after.clone())
        .does([container::stop(name, seconds)])
        .done_when([Predicate::eq(&state, ContainerState::Exited)])
        .timeout(seconds.saturating_add(QUICK));
    let id = draft.add(within(step));
    let is_still = Predicate::eq(&["containers", name, "id"], container.id.as_str());
    draft.rely(host.name(), is_still, vec![id.clone()]);
    id
}

/// Makes `step` a part of what an earlier one began, unless it needs none.
fn within(step: Step) -> Step {
    match step.needs.is_empty() {
        true => step,
        false => step.within_switch(),
    }
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;
