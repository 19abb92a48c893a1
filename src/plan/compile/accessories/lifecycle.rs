//! Stops, starts and replaces accessories.

use super::{boot, owner, steady};
use crate::config::model::Accessory;
use crate::docker::{container, image, names};
use crate::facts::model::{ContainerFacts, ContainerState};
use crate::name::StepId;
use crate::plan::compile::step::{QUICK, SILENCE};
use crate::plan::compile::{Draft, HostView, registry};
use crate::plan::operation::{Accessories, AccessoryVerb};
use crate::plan::{Predicate, Reason, Step, StepKind, Travel};

/// Adds the steps of `verb` for every accessory that the operation names.
pub fn run(draft: &mut Draft, verb: AccessoryVerb, named: &Accessories) {
    for_each(draft, named, |draft, host, accessory| {
        if owner::refuse(draft, host, accessory) {
            return;
        }
        let name = names::accessory(draft.config, accessory);
        let existing = host.facts.containers.get(&name);
        let Some(existing) = existing else {
            return match verb {
                AccessoryVerb::Start | AccessoryVerb::Reboot => boot(draft, host, accessory, None),
                _ => {
                    let reason = format!("{name} does not exist");
                    draft.unchanged(Some(host.name()), &accessory.name, reason);
                }
            };
        };
        let found = (name.as_str(), existing);
        match verb {
            AccessoryVerb::Start if existing.state.is_up() => {
                let reason = format!("{name} is running");
                draft.unchanged(Some(host.name()), &accessory.name, reason);
            }
            AccessoryVerb::Start => {
                start(draft, host, accessory, found, None);
            }
            AccessoryVerb::Restart => {
                let stopped = stop(draft, host, accessory, found, None);
                start(draft, host, accessory, found, stopped);
            }
            AccessoryVerb::Reboot => reboot(draft, host, accessory, found),
            _ => {
                if stop(draft, host, accessory, found, None).is_none() {
                    let reason = format!("{name} is not running");
                    draft.unchanged(Some(host.name()), &accessory.name, reason);
                }
            }
        }
    });
}

/// Does something for every accessory that is named, on each of its selected hosts.
pub fn for_each(
    draft: &mut Draft,
    named: &Accessories,
    mut pass: impl FnMut(&mut Draft, &HostView, &Accessory),
) {
    for host in draft.hosts.clone() {
        for accessory in &draft.config.accessories {
            if named.contain(accessory) && accessory.hosts.contains(host.name()) {
                pass(draft, &host, accessory);
            }
        }
    }
}

/// Returns a step about `accessory`.
pub fn step(host: &HostView, kind: StepKind, accessory: &Accessory, verb: &str) -> Step {
    let mut step = host.step(kind, ["accessory", &accessory.name, verb]);
    step.accessory = Some(accessory.name.clone());
    step
}

/// Adds the stop of an accessory that runs.
pub fn stop(
    draft: &mut Draft,
    host: &HostView,
    accessory: &Accessory,
    (name, existing): (&str, &ContainerFacts),
    after: Option<StepId>,
) -> Option<StepId> {
    if !existing.state.is_up() {
        return after;
    }
    let seconds = draft.config.stop_wait_time;
    let state = ["containers", name, "state"];
    let step = step(host, StepKind::Stop, accessory, "stop")
        .because(
            format!("Stop accessory {}", accessory.name),
            Reason::Requested,
        )
        .needs(after)
        .does([container::stop(name, seconds)])
        .done_when([Predicate::eq(&state, ContainerState::Exited)])
        .timeout(seconds.saturating_add(QUICK));
    let id = draft.add(step);
    let is_still = Predicate::eq(&["containers", name, "id"], existing.id.as_str());
    draft.rely(host.name(), is_still, vec![id.clone()]);
    Some(id)
}

/// Adds the start of an accessory that exists.
fn start(
    draft: &mut Draft,
    host: &HostView,
    accessory: &Accessory,
    (name, existing): (&str, &ContainerFacts),
    after: Option<StepId>,
) {
    let state = ["containers", name, "state"];
    let mut step = step(host, StepKind::Start, accessory, "start")
        .because(
            format!("Start accessory {} again", accessory.name),
            Reason::Requested,
        )
        .needs(after)
        .does([container::start(name)])
        .does([steady(name)])
        .done_when([Predicate::eq(&state, ContainerState::Running)]);
    step.diagnose = vec![container::logs(name)];
    let id = draft.add(step);
    let is_still = Predicate::eq(&["containers", name, "id"], existing.id.as_str());
    draft.rely(host.name(), is_still, vec![id]);
}

/// Adds the replacement of an accessory by one of the configuration. Its image is there before it stops.
fn reboot(
    draft: &mut Draft,
    host: &HostView,
    accessory: &Accessory,
    (name, existing): (&str, &ContainerFacts),
) {
    let pulls = vec![image::pull_reference(&accessory.image)];
    let pull = registry::pull(draft, host, &accessory.image, pulls);
    let pull = step(host, StepKind::Pull, accessory, "pull")
        .because(
            format!("Pull {}", accessory.image),
            Reason::needed_by("the accessory is down for less time"),
        )
        .does(pull.runs)
        .secrets(&pull.secrets, Travel::Stdin)
        .done_when([Predicate::contains(&["images"], accessory.image.as_str())])
        .silence(SILENCE)
        .retried();
    let pulled = draft.add(pull);
    let seconds = draft.config.stop_wait_time;
    // One step, as the new container has the same name: if it fails and is removed, there is nothing to be stopped again.
    let remove = step(host, StepKind::Remove, accessory, "remove")
        .because(
            format!("Stop and remove container {name}"),
            Reason::Requested,
        )
        .needs([pulled])
        .does([
            container::stop(name, seconds),
            container::remove_stopped(&[name.to_owned()]),
        ])
        .done_when([Predicate::absent(&["containers", name])])
        .timeout(seconds.saturating_add(QUICK));
    let removed = draft.add(remove);
    let is_still = Predicate::eq(&["containers", name, "id"], existing.id.as_str());
    draft.rely(host.name(), is_still, vec![removed.clone()]);
    boot(draft, host, accessory, Some(removed));
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
