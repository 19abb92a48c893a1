//! Removes what the app has on its hosts: containers, images, or all of it.

use std::collections::BTreeSet;

use super::stop;
use crate::action::Run;
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::facts::model::ContainerFacts;
use crate::name::{RoleName, StepId};
use crate::plan::Step;
use crate::plan::compile::placement::version_of;
use crate::plan::compile::proxy::certificate;
use crate::plan::compile::{Draft, HostView, assets, healthcheck, intercept, release, removal};

/// Adds the removal of everything: requests end, containers stop and go, and then their images.
pub fn all(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        of_host(draft, &host);
    }
}

/// Adds the removal of everything on one host. Returns the steps.
pub fn of_host(draft: &mut Draft, host: &HostView) -> Vec<StepId> {
    let mut removed = BTreeSet::new();
    let mut steps = Vec::new();
    for role in stop::all_roles(draft, host) {
        steps.extend(of_role(draft, host, &role));
        let gone = stop::containers(draft, host, &role).into_iter();
        removed.extend(gone.map(|(name, _)| name));
    }
    let releases = release::remove(draft, host, None);
    removed.extend(release::container_names(draft, host));
    steps.extend(releases);
    steps.extend(healthcheck::remove(draft, host));
    let after = steps.clone();
    steps.extend(assets::remove(draft, host, after.clone()));
    let images = unused_images(draft, host, &removed);
    if steps.is_empty() && images.is_empty() {
        draft.unchanged(Some(host.name()), "app", "no containers and no images");
    }
    for reference in images {
        steps.push(removal::image(draft, host, &reference, after.clone()));
    }
    steps
}

/// Adds the removal of what a role has on a host: its routes, also those that answer in its place, then each container, once its requests have ended. Returns the steps.
pub fn of_role(draft: &mut Draft, host: &HostView, role: &RoleName) -> Vec<StepId> {
    let unrouted = stop::unroute(draft, host, role);
    let mut steps = intercept::step::remove(draft, host, role);
    steps.extend(unrouted.clone());
    for (name, found) in stop::containers(draft, host, role) {
        let after = unrouted.clone();
        let stopped = match found.state.is_up() {
            true => Some(stop::end(draft, host, role, (name, found), after)),
            false => after,
        };
        steps.push(container(draft, host, role, (name, found), stopped));
    }
    let certificate = certificate::files_of(draft, host, role);
    let first = draft
        .steps
        .iter_mut()
        .find(|step| Some(&step.id) == steps.first());
    if let Some(step) = first.filter(|_| !certificate.is_empty()) {
        let remove = ["rm", "-f"]
            .map(str::to_owned)
            .into_iter()
            .chain(certificate);
        step.action.push(Run::literal(remove).into());
    }
    steps
}

/// Adds the removal of the stopped containers; those that run are named, and stay.
pub fn containers(draft: &mut Draft) {
    each(draft, |_| true);
}

/// Adds the removal of the containers of `version`.
pub fn version(draft: &mut Draft, version: &str) {
    for host in draft.hosts.clone() {
        for role in stop::all_roles(draft, &host) {
            let found = stop::containers(draft, &host, &role);
            let mut up = found
                .iter()
                .filter(|(_, container)| container.state.is_up());
            if let Some((name, _)) = up.find(|(_, container)| version_of(container) == version) {
                let problem = format!("host {}: container {name} is running", host.name());
                draft.refuse(
                    Diagnostic::error(problem).help(
                        "deploy or roll back to another version, or run `mrsk app stop` first",
                    ),
                );
            }
        }
    }
    each(draft, |container| version_of(container) == version);
    for host in draft.hosts.clone() {
        release::remove(draft, &host, Some(version));
    }
}

fn each(draft: &mut Draft, wanted: impl Fn(&ContainerFacts) -> bool) {
    for host in draft.hosts.clone() {
        let mut found = 0;
        for role in stop::all_roles(draft, &host) {
            for (name, existing) in stop::containers(draft, &host, &role) {
                if !wanted(existing) {
                    continue;
                }
                found += 1;
                if existing.state.is_up() {
                    let reason = format!("{name} is running; `mrsk app stop` stops it");
                    draft.unchanged(Some(host.name()), role.as_str(), reason);
                } else {
                    container(draft, &host, &role, (name, existing), None);
                }
            }
        }
        if found == 0 {
            draft.unchanged(Some(host.name()), "containers", "none to remove");
        }
    }
}

/// Adds the removal of every image that no container uses, of whatever destination.
pub fn images(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let images = unused_images(draft, &host, &BTreeSet::new());
        if images.is_empty() {
            draft.unchanged(
                Some(host.name()),
                "images",
                "there are none without a container",
            );
        }
        for reference in images {
            removal::image(draft, &host, &reference, Vec::new());
        }
    }
}

fn container(
    draft: &mut Draft,
    host: &HostView,
    role: &RoleName,
    found: (&str, &ContainerFacts),
    after: Option<StepId>,
) -> StepId {
    let of_role = |mut step: Step| {
        step.role = Some(role.clone());
        step
    };
    removal::container(draft, host, found, of_role, after)
}

/// Returns the images of the app that no container uses besides those that are `removed`.
fn unused_images(draft: &Draft, host: &HostView, removed: &BTreeSet<&str>) -> Vec<String> {
    let kept = host.facts.containers.iter();
    let kept = kept.filter(|(name, _)| !removed.contains(name.as_str()));
    let used: BTreeSet<&String> = kept
        .flat_map(|(_, container)| [&container.image, &container.image_id])
        .collect();
    let repository = draft.config.repository();
    let images = host.facts.images.iter().filter(|(reference, image)| {
        image::is_of(reference, &repository)
            && !used.contains(reference)
            && !used.contains(&image.id)
    });
    images.map(|(reference, _)| reference.clone()).collect()
}

#[cfg(test)]
#[path = "remove_tests.rs"]
mod tests;
