//! Removes stopped containers and images that are old enough.

use std::collections::BTreeSet;

use crate::action::{Action, Run};
use crate::docker::image;
use crate::plan::draft::{Draft, HostView, StepBuilder, step_id};
use crate::plan::model::{Reason, StepKind};
use crate::plan::predicate::Predicate;
use crate::plan::situation::{is_up, of_service};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Days for which an image is kept that no container uses, as the original has it.
const IMAGE_DAYS: u64 = 7;

/// Adds a prune where there is something to remove. Only what did not run when the plan was made is looked at, so that the
/// version that is being replaced stays for a rollback.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let containers = old_containers(draft, &host);
        let images = unused_images(draft, &host, &containers);
        if !containers.is_empty() || !images.is_empty() {
            add(draft, &host, &containers, &images);
        }
    }
}

fn old_containers(draft: &Draft, host: &HostView) -> Vec<String> {
    let limit = draft
        .facts
        .taken_at
        .saturating_sub(u64::from(draft.config.retain_days) * DAY);
    let wanted: BTreeSet<&String> = draft
        .placements
        .iter()
        .map(|placement| &placement.name)
        .collect();
    host.facts
        .containers
        .iter()
        .filter(|(name, container)| {
            of_service(draft.config, container)
                && !is_up(container)
                && container.created_at < limit
                && !wanted.contains(name)
        })
        .map(|(name, _)| name.clone())
        .collect()
}

fn unused_images(draft: &Draft, host: &HostView, removed: &[String]) -> Vec<String> {
    let limit = draft.facts.taken_at.saturating_sub(IMAGE_DAYS * DAY);
    let used: BTreeSet<&String> = host
        .facts
        .containers
        .iter()
        .filter(|(name, _)| !removed.contains(name))
        .flat_map(|(_, container)| [&container.image, &container.image_id])
        .collect();
    let wanted = image::reference(draft.config, &draft.operation.version);
    let latest = image::reference(draft.config, "latest");
    host.facts
        .images
        .iter()
        .filter(|(reference, image)| {
            **reference != wanted
                && **reference != latest
                && image.created_at < limit
                && !used.contains(reference)
                && !used.contains(&image.id)
        })
        .map(|(reference, _)| reference.clone())
        .collect()
}

fn add(draft: &mut Draft, host: &HostView, containers: &[String], images: &[String]) {
    let remove = |command: &[&str], names: &[String]| {
        (!names.is_empty()).then(|| {
            let argv = command
                .iter()
                .copied()
                .chain(names.iter().map(String::as_str));
            Action::Run(Run::literal(argv))
        })
    };
    let done = containers
        .iter()
        .map(|name| Predicate::absent(&["containers", name]))
        .chain(
            images
                .iter()
                .map(|reference| Predicate::absent(&["images", reference])),
        )
        .collect();
    let ends = draft
        .find_all(host.name(), StepKind::Stop)
        .into_iter()
        .chain(draft.find_all(host.name(), StepKind::Route));
    let step = [
        remove(&["docker", "rm", "--force"], containers),
        remove(&["docker", "image", "rm"], images),
    ]
    .into_iter()
    .flatten()
    .fold(
        StepBuilder::new(
            step_id(
                Some(host.name()),
                "prune",
                &draft.config.service_with_destination(),
                "remove",
            ),
            StepKind::Prune,
            Some(host.name()),
            format!(
                "Remove {} old containers and {} unused images",
                containers.len(),
                images.len()
            ),
            Reason::Expired {
                what: containers
                    .iter()
                    .chain(images)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", "),
            },
        )
        .needs(ends)
        .needs(draft.find(Some(host.name()), StepKind::InstallDocker)),
        StepBuilder::does,
    )
    .done_when(done)
    .tolerated()
    .build();
    draft.add(step);
}
