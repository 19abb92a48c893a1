//! Removes accessories: their containers, images, and the directories with their data.

use super::lifecycle::{for_each, stop};
use super::owner;
use crate::config::model::Accessory;
use crate::diagnostic::Diagnostic;
use crate::docker::{container, names};
use crate::facts::model::ContainerFacts;
use crate::name::StepId;
use crate::plan::Step;
use crate::plan::compile::{Draft, HostView, removal};
use crate::plan::operation::{Accessories, AccessoryVerb};

/// Adds the removals of `verb` for every accessory that the operation names.
pub fn run(draft: &mut Draft, verb: AccessoryVerb, named: &Accessories) {
    for_each(draft, named, |draft, host, accessory| {
        if owner::refuse(draft, host, accessory) || owner::refuse_shared(draft, host, accessory) {
            return;
        }
        let before = draft.steps.len();
        let name = names::accessory(draft.config, accessory);
        let existing = host.facts.containers.get(&name);
        let up = existing.filter(|existing| existing.state.is_up());
        match verb {
            AccessoryVerb::Remove => {
                whole(draft, host, accessory);
            }
            AccessoryVerb::RemoveContainer | AccessoryVerb::RemoveDirectory if up.is_some() => {
                let problem = format!("host {}: {name} is running", host.name());
                draft.refuse(Diagnostic::error(problem).help(format!(
                    "run `mrsk accessory stop {0}` first, or remove all of it with \
                     `mrsk accessory remove {0}`",
                    accessory.name
                )));
            }
            AccessoryVerb::RemoveContainer => {
                if let Some(existing) = existing {
                    container(draft, host, accessory, (&name, existing), None);
                }
            }
            AccessoryVerb::RemoveImage if existing.is_some() => {
                let problem = format!(
                    "host {}: container {name} uses {}",
                    host.name(),
                    accessory.image
                );
                draft.refuse(Diagnostic::error(problem).help(format!(
                    "run `mrsk accessory remove_container {0}` first, or remove all of it with \
                     `mrsk accessory remove {0}`",
                    accessory.name
                )));
            }
            AccessoryVerb::RemoveImage => {
                image(draft, host, accessory, None);
            }
            _ => {
                directory(draft, host, accessory, None);
            }
        }
        if draft.steps.len() == before {
            draft.unchanged(
                Some(host.name()),
                &accessory.name,
                "there is nothing to remove",
            );
        }
    });
}

/// Adds the removal of all that an accessory has on a host. Returns the steps.
pub fn whole(draft: &mut Draft, host: &HostView, accessory: &Accessory) -> Vec<StepId> {
    let name = names::accessory(draft.config, accessory);
    let mut steps = Vec::new();
    let mut gone = None;
    if let Some(existing) = host.facts.containers.get(&name) {
        let found = (name.as_str(), existing);
        let stopped = stop(draft, host, accessory, found, None);
        steps.extend(stopped.clone());
        gone = Some(container(draft, host, accessory, found, stopped));
        steps.extend(gone.clone());
    }
    steps.extend(image(draft, host, accessory, gone.clone()));
    steps.extend(directory(draft, host, accessory, gone));
    steps
}

/// Adds the removal of the container, which is stopped by then.
fn container(
    draft: &mut Draft,
    host: &HostView,
    accessory: &Accessory,
    found: (&str, &ContainerFacts),
    after: Option<StepId>,
) -> StepId {
    removal::container(draft, host, found, of(accessory), after)
}

/// Adds the removal of the image, if the host has it and no other accessory is configured with it there.
fn image(
    draft: &mut Draft,
    host: &HostView,
    accessory: &Accessory,
    after: Option<StepId>,
) -> Option<StepId> {
    let reference = &accessory.image;
    let mut others = draft.config.accessories.iter();
    let is_shared = others.any(|other| {
        other.name != accessory.name
            && other.image == *reference
            && other.hosts.contains(host.name())
            && host
                .facts
                .containers
                .contains_key(&names::accessory(draft.config, other))
    });
    let is_removed = draft.steps.iter().any(|step| {
        let id = format!(
            "/image/{}/remove",
            reference.replace('%', "%25").replace('/', "%2F")
        );
        step.host.as_ref() == Some(host.name()) && step.id.as_str().ends_with(&id)
    });
    let is_there = host.facts.images.contains_key(reference);
    if is_shared || is_removed || !is_there {
        return None;
    }
    Some(removal::image(
        draft,
        host,
        reference,
        after.into_iter().collect(),
    ))
}

/// Adds the removal of the accessory's own directory, if it is there. Directories elsewhere are the user's, and stay.
fn directory(
    draft: &mut Draft,
    host: &HostView,
    accessory: &Accessory,
    after: Option<StepId>,
) -> Option<StepId> {
    let home = &host.facts.home;
    let base = container::accessory_directory(draft.config, accessory, home);
    let own = format!("{base}/");
    for directory in &accessory.directories {
        let path = container::directory_on_host(&base, directory, home);
        if !path.starts_with(&own) && host.facts.directories.contains_key(&path) {
            let reason = format!("{path} is not below {base}, and stays");
            draft.unchanged(Some(host.name()), &accessory.name, reason);
        }
    }
    host.facts.directories.get(&base)?;
    Some(removal::directory(draft, host, &base, of(accessory), after))
}

fn of(accessory: &Accessory) -> impl FnOnce(Step) -> Step {
    let name = accessory.name.clone();
    |mut step| {
        step.accessory = Some(name);
        step
    }
}

#[cfg(test)]
#[path = "remove_tests.rs"]
mod tests;
