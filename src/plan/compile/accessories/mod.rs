//! Boots accessories: those that do not exist are created and started, and no other is touched.

mod files;
pub mod lifecycle;
pub mod owner;
pub mod remove;
pub mod upload;

use self::files::{directories, uploads};
use super::{Draft, HostView, predicates, registry};
use crate::action::{Action, Poll, Probe};
use crate::config::model::Accessory;
use crate::docker::container::{self, Create};
use crate::docker::image;
use crate::docker::names::{self, LABEL_CREATE};
use crate::facts::model::ContainerFacts;
use crate::name::StepId;
use crate::plan::compile::step::{SILENCE, step_id};
use crate::plan::{Need, NeedOn, Predicate, Reason, Step, StepKind, Travel};

/// The barrier that waits for the accessories.
const BARRIER: [&str; 3] = ["barrier", "accessories", "wait"];

/// Seconds for which a new accessory has to go on running before what depends on it may start.
const STEADY_SECONDS: u32 = 3;

/// Adds a start for every selected accessory that does not exist. The rest of the app waits for all.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        for accessory in &draft.config.accessories {
            if !accessory.hosts.contains(host.name()) {
                continue;
            }
            let name = names::accessory(draft.config, accessory);
            if let Some(existing) = host.facts.containers.get(&name) {
                if owner::other_service(draft.config, existing).is_some() {
                    owner::refuse(draft, &host, accessory);
                    continue;
                }
                keep(draft, &host, accessory, (&name, existing));
            } else if draft.operation.boots(accessory) {
                boot(draft, &host, accessory, None);
            } else {
                draft.warn(format!(
                    "host {}: accessory {accessory} does not exist; `mrsk accessory boot {accessory}` \
                     starts it",
                    host.name(),
                    accessory = accessory.name
                ));
            }
        }
    }
    gate(draft);
}

/// Notes that an accessory stays as it is, and warns if that is not what the configuration says.
fn keep(
    draft: &mut Draft,
    host: &HostView,
    accessory: &Accessory,
    (name, existing): (&str, &ContainerFacts),
) {
    let wanted = container::create_accessory(draft.config, accessory, &host.facts.home);
    let state = (!existing.state.is_up()).then(|| format!("is not running ({})", existing.state));
    for problem in state.into_iter().chain(difference(&wanted, existing)) {
        draft.warn(format!(
            "host {}: accessory {} {problem}; mrsk leaves it as it is",
            host.name(),
            accessory.name
        ));
    }
    if let Some(destination) = &draft.config.destination {
        let belongs = existing.labels.get(names::LABEL_DESTINATION);
        if belongs.map(String::as_str) != Some(destination) {
            draft.warn(format!(
                "host {}: {name} {}: accessories have no destination in their name, and the app of \
                 destination {destination} would use it; give the accessory another name or host",
                host.name(),
                match belongs.map(String::as_str) {
                    None => "may be that of another destination".to_owned(),
                    Some("") => "was started without a destination".to_owned(),
                    Some(other) => format!("was started for destination {other}"),
                }
            ));
        }
    }
    let reason = format!("{name} exists; an accessory is never replaced");
    draft.unchanged(Some(host.name()), &accessory.name, reason);
}

/// Returns how a container differs from the one that the configuration describes.
fn difference(wanted: &Create, existing: &ContainerFacts) -> Option<String> {
    match existing.labels.get(LABEL_CREATE) {
        None => Some(
            "was not started by this version of mrsk: cannot tell whether it matches deploy.yml"
                .into(),
        ),
        Some(digest) if *digest == wanted.digest.as_str() => None,
        Some(_) => {
            let recorded = existing.labels.get(names::LABEL_SETTINGS);
            let parts = recorded.map_or_else(Vec::new, |text| wanted.changed_settings(text));
            let parts = match parts.is_empty() {
                true => String::new(),
                false => format!(": {}", parts.join(", ")),
            };
            Some(format!("differs from deploy.yml{parts}"))
        }
    }
}

/// Adds the creation and start of an accessory. If it exists, it is gone `after` that step.
fn boot(draft: &mut Draft, host: &HostView, accessory: &Accessory, after: Option<StepId>) {
    let name = &names::accessory(draft.config, accessory);
    if let Some(port) = accessory.published_port() {
        let what = format!("accessory {}", accessory.name);
        draft.check_port(host, port, (&what, name), "change the accessory's `port`");
    }
    let wanted = container::create_accessory(draft.config, accessory, &host.facts.home);
    let base = container::accessory_directory(draft.config, accessory, &host.facts.home);
    let uploads = uploads(draft, accessory, &base);
    let leftovers = format!("label={LABEL_CREATE}={}", wanted.digest);
    let secrets = accessory.env.secret_names();
    let secrets = secrets.as_slice();
    let via_file = match uploads.iter().any(|upload| upload.template) {
        true => secrets,
        false => &[],
    };
    let pull = vec![image::pull_reference(&accessory.image)];
    let pull = registry::pull(draft, host, &accessory.image, pull);
    let mut step = host
        .step(StepKind::Start, ["accessory", &accessory.name, "start"])
        .because(
            format!("Start accessory {}", accessory.name),
            match after {
                Some(_) => Reason::Requested,
                None => Reason::missing(name),
            },
        )
        .needs(after.clone())
        .needs(draft.find_each(host.name(), &[StepKind::InstallDocker]))
        .does(directories(accessory, &base, &host.facts.home))
        .does(uploads.into_iter().map(Action::Upload))
        .does(pull.runs)
        .does([
            container::prune(&[leftovers]),
            wanted.run.clone(),
            container::start(name),
        ])
        .does([steady(name)])
        .secrets(&pull.secrets, Travel::Stdin)
        .secrets(secrets, Travel::Env)
        .secrets(via_file, Travel::File)
        .done_when(predicates::runs(name, &wanted))
        .on_failure([container::logs(name)], [container::remove(name)])
        .silence(SILENCE);
    step.accessory = Some(accessory.name.clone());
    let id = draft.add(step);
    if after.is_none() {
        let is_absent = Predicate::absent(&["containers", name]);
        draft.rely(host.name(), is_absent, vec![id]);
    }
}

/// Waits until a container has gone on running for a while.
fn steady(name: &str) -> Poll {
    Poll {
        restarts: Some(0),
        ..Poll::new(Probe::Running, name, STEADY_SECONDS)
    }
}

/// Adds the barrier that the app's first start waits for.
fn gate(draft: &mut Draft) {
    let booted = draft.steps.iter().filter(|step| step.accessory.is_some());
    let booted: Vec<StepId> = booted.map(|step| step.id.clone()).collect();
    if booted.is_empty() || draft.placements.is_empty() {
        return;
    }
    let why = Reason::needed_by("the app finds its accessories when it starts");
    let step = Step::new(None, StepKind::Barrier, BARRIER)
        .because("Wait for the accessories to run", why)
        .needs(booted)
        .opens_after(0);
    draft.add(step);
}

/// Lets the release command and every start of a role wait for the accessories.
pub fn gate_roles(draft: &mut Draft) {
    let gate = step_id(None, BARRIER);
    if !draft.steps.iter().any(|step| step.id == gate) {
        return;
    }
    for step in &mut draft.steps {
        if matches!(step.kind, StepKind::Start | StepKind::Release) && step.role.is_some() {
            let (step_id, on) = (gate.clone(), NeedOn::Success);
            step.needs.push(Need { step: step_id, on });
        }
    }
}

#[cfg(test)]
#[path = "boot_tests.rs"]
mod tests;
