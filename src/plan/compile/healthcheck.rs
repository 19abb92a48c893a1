//! `mrsk healthcheck perform`: a version is started beside what serves, asked whether it is healthy, and removed. No request of a user
//! reaches it.

use super::placement::{Placement, Wanted, decide, of_service};
use super::slot::Slot;
use super::step::QUICK;
use super::switch::health;
use super::{Draft, HostView, bootstrap, pull};
use crate::docker::apart::{self, Apart};
use crate::docker::names::{self, LABEL_TRIAL, NETWORK};
use crate::docker::{container, image};
use crate::facts::model::ContainerState;
use crate::name::StepId;
use crate::plan::{Predicate, Reason, Step, StepKind, Travel};

/// The subject of its steps.
const SUBJECT: &str = "trial";

/// Adds the attempts for the selected roles.
pub fn run(draft: &mut Draft) {
    bootstrap::check_engine(draft);
    for host in &mut draft.hosts {
        host.changes = true;
    }
    pull::run(draft);
    for host in draft.hosts.clone() {
        let slots = draft.slots.iter().filter(|slot| slot.host == host.name());
        for slot in slots.copied().collect::<Vec<_>>() {
            perform(draft, &host, slot);
        }
    }
}

/// Adds the start of a role's container, the wait for its health, and its removal.
fn perform(draft: &mut Draft, host: &HostView, slot: Slot) {
    let wanted = Wanted {
        version: draft.version,
        image_digest: None,
        always: true,
    };
    let trial = Placement {
        name: names::trial(draft.config, slot.role, draft.version),
        ..decide(draft.config, slot, host.facts, &wanted)
    };
    let name = trial.name.as_str();
    let remove = container::remove(name);
    let logs = trial.logs(draft.config);
    let started = start(draft, host, &trial);
    let started = draft.add(started.on_failure([logs.clone()], [remove.clone()]));
    let waits = health::waits(draft, &trial);
    let healthy = trial
        .step(StepKind::Healthcheck, SUBJECT, "healthcheck")
        .because(waits.summary, Reason::Requested)
        .needs([started])
        .does([waits.poll])
        .done_when([waits.done])
        .on_failure([logs], [remove.clone()])
        .timeout(waits.seconds.saturating_mul(2).saturating_add(QUICK));
    let healthy = draft.add(healthy);
    let removal = trial
        .step(StepKind::Remove, SUBJECT, "remove")
        .because(format!("Remove container {name}"), Reason::Requested)
        .needs([healthy])
        .does([remove])
        .done_when([Predicate::absent(&["containers", name])]);
    draft.add(removal);
}

/// Returns the step that creates and starts the container, in place of one that an earlier attempt has left.
fn start(draft: &mut Draft, host: &HostView, trial: &Placement) -> Step {
    let (config, role, name) = (draft.config, trial.role, trial.name.as_str());
    let serial = host.facts.serial.number;
    let start = names::start_apart(config, host.name(), &format!("{name} trial"), serial);
    let own = container::healthcheck(config, role);
    let apart = Apart {
        name,
        cmd: &role.cmd,
        role,
        env: role.env_of(host.name()),
        version: draft.version,
        image: &image::reference(config, draft.version),
        start: (LABEL_TRIAL, &start),
        home: &host.facts.home,
    };
    let mut runs = Vec::new();
    if host.facts.containers.contains_key(name) {
        runs.push(container::remove(name));
    }
    runs.push(apart::create(config, &apart, own));
    if host.facts.networks.contains(NETWORK) {
        runs.push(container::connect(name, None));
    }
    runs.push(container::start(name));
    let label = ["containers", name, "labels", LABEL_TRIAL];
    let state = ["containers", name, "state"];
    let step = trial
        .step(StepKind::Start, SUBJECT, "start")
        .because(format!("Start {name}"), Reason::Requested)
        .needs(draft.find(Some(host.name()), StepKind::Pull))
        .does(runs)
        .secrets(&trial.secrets(), Travel::Env)
        .done_when([
            Predicate::eq(&label, start.as_str()),
            Predicate::eq(&state, ContainerState::Running),
        ]);
    let still = match host.facts.containers.get(name) {
        Some(earlier) => Predicate::eq(&["containers", name, "id"], earlier.id.as_str()),
        None => Predicate::absent(&["containers", name]),
    };
    draft.rely(host.name(), still, vec![step.id.clone()]);
    step
}

/// Adds the removal of the containers on `host` that attempts have left. Returns the steps.
pub fn remove(draft: &mut Draft, host: &HostView) -> Vec<StepId> {
    let left = host.facts.containers.iter().filter(|(_, container)| {
        of_service(draft.config, container) && container.labels.contains_key(LABEL_TRIAL)
    });
    let left: Vec<&String> = left.map(|(name, _)| name).collect();
    left.into_iter()
        .map(|name| {
            let step = host
                .step(StepKind::Remove, [SUBJECT, name, "remove"])
                .because(format!("Remove container {name}"), Reason::Requested)
                .does([container::remove(name)])
                .done_when([Predicate::absent(&["containers", name])]);
            draft.add(step)
        })
        .collect()
}

#[cfg(test)]
#[path = "healthcheck_tests.rs"]
mod tests;
