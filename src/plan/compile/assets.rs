//! Joins the assets of a new version with those of the version that serves, before a container of it starts: a page of the one asks
//! for its assets while the other answers.

use std::collections::BTreeSet;

use super::placement::belongs;
use super::slot::store;
use super::{Decision, Draft, HostView, Placement};
use crate::action::Action;
use crate::config::model::Config;
use crate::docker::image;
use crate::docker::names::{self, LABEL_ASSET_PATH, LABEL_ASSETS};
use crate::facts::model::HostFacts;
use crate::name::StepId;
use crate::plan::{Predicate, Reason, Step, StepKind};

/// The subject of its steps.
const SUBJECT: &str = "assets";

/// How long the copy of an image's assets, or of what two versions have, may take.
const SECONDS: u32 = 600;

/// Adds the steps that join the assets of those of `placements` that start, on all hosts before the first of them starts: while they
/// switch, a page of one host asks for its assets on another. Returns what the first start waits for.
pub(super) fn run(
    draft: &mut Draft,
    placements: &[&Placement],
    before: Option<StepId>,
) -> Option<StepId> {
    let mut added: Vec<StepId> = Vec::new();
    for placement in placements {
        let hosts = draft.hosts.clone();
        let host = hosts.iter().find(|host| host.name() == placement.host);
        let step = host.and_then(|host| step(draft, host, placement));
        let Some((step, used)) = step.filter(|(step, _)| !added.contains(&step.id)) else {
            continue;
        };
        let step = draft.add(step.needs(before.clone()));
        for name in used {
            let is_there = Predicate::contains(&["assets"], name);
            draft.rely(placement.host, is_there, vec![step.clone()]);
        }
        added.push(step);
    }
    match added.as_slice() {
        [] => before,
        [one] => Some(one.clone()),
        _ => {
            let why = "pages of both versions find their assets on every host";
            let gate = Step::new(None, StepKind::Barrier, ["barrier", SUBJECT, "open"])
                .because("Wait for the assets on all hosts", Reason::needed_by(why))
                .needs(added)
                .opens_after(0);
            Some(draft.add(gate))
        }
    }
}

/// Returns the step for a placement, if it is to start and there is something to join, with the names of the directories that it needs.
fn step(draft: &Draft, host: &HostView, placement: &Placement) -> Option<(Step, Vec<String>)> {
    let facts = host.facts;
    let store = store(draft.config, facts);
    let (name, actions, others) = match &placement.decision {
        Decision::Replace { .. } => {
            let assets = placement.role.assets.as_ref()?;
            let (role, host) = (placement.role, host.name());
            let serial = facts.serial.number;
            let name = names::alias(draft.config, role, host, draft.version, serial);
            let others = served(draft.config, placement, facts, (&name, &assets.path));
            let image = image::reference(draft.config, draft.version);
            let all = Vec::from_iter(others.iter().map(String::as_str));
            let actions = store.extract(draft.config, assets, (&image, &name), &all);
            (name, actions, others)
        }
        Decision::StartExisting { .. } => {
            let labels = &facts.containers.get(&placement.name)?.labels;
            let (name, path) = (labels.get(LABEL_ASSETS)?, labels.get(LABEL_ASSET_PATH)?);
            let joined = facts.assets.get(name)?;
            let mut others = served(draft.config, placement, facts, (name, path));
            let has = |other: &String| {
                facts
                    .assets
                    .get(other)
                    .is_some_and(|one| one.contains(name))
            };
            others.retain(|other| !joined.contains(other) && !has(other));
            let actions: Vec<Action> = others
                .iter()
                .flat_map(|other| store.join(name, other))
                .collect();
            (name.clone(), actions, others)
        }
        Decision::Keep | Decision::Complete { .. } => return None,
    };
    let is_new = placement.is_replaced();
    if !is_new && others.is_empty() {
        return None;
    }
    let mut done = vec![Predicate::contains(&["assets"], name.as_str())];
    let joined = others.iter();
    done.extend(joined.map(|other| Predicate::contains(&["assets", &name], other.as_str())));
    let what = match (is_new, others.is_empty()) {
        (true, true) => "Copy the assets of the image",
        (true, false) => "Join the assets of the image with those that are served",
        (false, _) => "Join the assets with those that are served",
    };
    let why = Reason::needed_by("pages of both versions find their assets");
    let before = [StepKind::InstallDocker, StepKind::Pull];
    let step = placement
        .step(StepKind::Assets, &name, SUBJECT)
        .because(format!("{what} ({})", placement.role.name), why)
        .needs(draft.find_each(placement.host, &before))
        .does(actions)
        .done_when(done)
        .on_failure([], is_new.then(|| store.clear(draft.config, &name)))
        .timeout(SECONDS);
    let mut used = others;
    used.extend((!is_new).then_some(name));
    Some((step, used))
}

/// Returns the directories, other than `name`, of the role's containers that run on the host, and have their assets at the same path.
fn served(
    config: &Config,
    placement: &Placement,
    facts: &HostFacts,
    (name, path): (&str, &str),
) -> Vec<String> {
    let running = facts.containers.values().filter(|container| {
        belongs(config, placement.role, container)
            && container.state.is_up()
            && container.labels.get(LABEL_ASSET_PATH).map(String::as_str) == Some(path)
    });
    let found = running.filter_map(|container| container.labels.get(LABEL_ASSETS));
    let found = found.filter(|other| *other != name && facts.assets.contains_key(*other));
    let found: BTreeSet<&String> = found.collect();
    found.into_iter().cloned().collect()
}

/// Returns the directories on a host that no container has once those that are `removed` are gone.
pub(super) fn unused(facts: &HostFacts, removed: &[String]) -> Vec<String> {
    let kept = facts.containers.iter();
    let kept = kept.filter(|(name, _)| !removed.contains(name));
    let used: BTreeSet<&String> = kept
        .filter_map(|(_, container)| container.labels.get(LABEL_ASSETS))
        .collect();
    let names = facts.assets.keys();
    names.filter(|name| !used.contains(name)).cloned().collect()
}

/// Returns the command that removes directories on a host, and what holds then.
pub(super) fn removal(
    config: &Config,
    facts: &HostFacts,
    names: &[String],
) -> Option<(Action, Vec<Predicate>)> {
    let gone = names
        .iter()
        .map(|name| Predicate::absent(&["assets", name]));
    let remove = || store(config, facts).remove(names).into();
    (!names.is_empty()).then(|| (remove(), gone.collect()))
}

/// Adds the removal of all that a service and destination has on a host, after its containers. Returns the step.
pub(super) fn remove(draft: &mut Draft, host: &HostView, after: Vec<StepId>) -> Option<StepId> {
    let names = Vec::from_iter(host.facts.assets.keys().cloned());
    let (remove, gone) = removal(draft.config, host.facts, &names)?;
    let subject = draft.config.service_with_destination();
    let step = host
        .step(StepKind::Remove, [SUBJECT, &subject, "remove"])
        .because("Remove the joined assets", Reason::Requested)
        .needs(after)
        .does([remove])
        .done_when(gone)
        .timeout(SECONDS);
    Some(draft.add(step))
}

#[cfg(test)]
#[path = "assets_tests.rs"]
mod tests;
