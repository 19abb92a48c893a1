//! Removes stopped containers and images that are old enough.

use std::collections::{BTreeMap, BTreeSet};

use super::app::remove::is_of;
use super::placement::of_service;
use super::{Draft, HostView, bootstrap};
use crate::docker::{container, image};
use crate::facts::model::ContainerFacts;
use crate::plan::compile::draft::ends;
use crate::plan::operation::Pruned;
use crate::plan::{Predicate, Reason, StepKind};
use crate::text::{count, list};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Days for which an image is kept that no container uses, as the original has it.
const IMAGE_DAYS: u64 = 7;

/// Stopped containers of each role that stay however old they are: what a rollback goes to.
const TARGETS: u32 = 1;

/// Adds a prune if there is something to remove. Only what did not run when the plan was made is
/// looked at, so that the version that is being replaced stays for a rollback.
pub fn run(draft: &mut Draft) {
    parts(draft, Pruned::All);
}

/// Adds the prune of a part, and says where there is nothing to remove.
pub fn asked(draft: &mut Draft, pruned: Pruned) {
    bootstrap::check_engine(draft);
    parts(draft, pruned);
    for host in draft.hosts.clone() {
        if draft.steps_on(Some(host.name())).next().is_none() {
            let reason = "there is nothing old enough to remove";
            draft.unchanged(Some(host.name()), "prune", reason);
        }
    }
}

fn parts(draft: &mut Draft, pruned: Pruned) {
    let placements = draft.placements.iter();
    let wanted: BTreeSet<String> = placements.map(|placement| placement.name.clone()).collect();
    for host in draft.hosts.clone() {
        let containers = match pruned {
            Pruned::All | Pruned::Containers => old_containers(draft, &host, &wanted),
            Pruned::Images => Vec::new(),
        };
        let images = match pruned {
            Pruned::All | Pruned::Images => unused_images(draft, &host, &containers),
            Pruned::Containers => Vec::new(),
        };
        if !containers.is_empty() || !images.is_empty() {
            add(draft, &host, &containers, &images);
        }
    }
}

fn old_containers(draft: &Draft, host: &HostView, wanted: &BTreeSet<String>) -> Vec<String> {
    let mut stopped: Vec<(&String, &ContainerFacts)> = host
        .facts
        .containers
        .iter()
        .filter(|(name, container)| {
            is_ours(draft, container) && !container.state.is_up() && !wanted.contains(*name)
        })
        .collect();
    match draft.config.retain_containers {
        Some(kept) => drop_newest(&mut stopped, kept, replaced(draft, host)),
        None => {
            let days = u64::from(draft.config.retain_days);
            let limit = draft.facts.taken_at.saturating_sub(days * DAY);
            drop_newest(&mut stopped, TARGETS, replaced(draft, host));
            stopped.retain(|(_, container)| since(container) < limit);
        }
    }
    stopped.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Returns how many containers of each role the plan stops on `host`.
fn replaced(draft: &Draft, host: &HostView) -> BTreeMap<String, u32> {
    let here = draft.placements_on(host.name());
    here.map(|placement| {
        let count = u32::try_from(placement.old.len()).unwrap_or(u32::MAX);
        (placement.role.name.to_string(), count)
    })
    .collect()
}

/// Returns when a container stopped; one that never ran counts from its creation.
fn since(container: &ContainerFacts) -> u64 {
    match container.stopped_at {
        0 => container.created_at,
        stopped => stopped,
    }
}

/// Takes the newest `kept` of each role out of `stopped`. Those that the plan stops, `seen`, are
/// newer than all of them.
fn drop_newest(
    stopped: &mut Vec<(&String, &ContainerFacts)>,
    kept: u32,
    mut seen: BTreeMap<String, u32>,
) {
    stopped.sort_by_key(|(name, container)| (std::cmp::Reverse(since(container)), *name));
    stopped.retain(|(_, container)| {
        let role = container.labels.get("role").cloned();
        let count = seen.entry(role.unwrap_or_default()).or_default();
        *count = count.saturating_add(1);
        *count > kept
    });
    stopped.sort_by_key(|(name, _)| *name);
}

/// Returns whether a container is one of a role. Images have the label `service` too, which what
/// somebody else starts from them inherits.
fn is_ours(draft: &Draft, container: &ContainerFacts) -> bool {
    of_service(draft.config, container) && container.labels.contains_key("role")
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
    let wanted = image::reference(draft.config, draft.version);
    let latest = image::reference(draft.config, "latest");
    let repository = draft.config.repository();
    host.facts
        .images
        .iter()
        .filter(|(reference, image)| {
            is_of(reference, &repository)
                && **reference != wanted
                && **reference != latest
                && image.created_at < limit
                && !used.contains(reference)
                && !used.contains(&image.id)
        })
        .map(|(reference, _)| reference.clone())
        .collect()
}

/// Returns `1 old container and 2 unused images`.
fn counted(containers: usize, images: usize) -> String {
    let parts: Vec<String> = [(containers, "old container"), (images, "unused image")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    list(&parts)
}

/// Adds the prune of one host. Nothing is forced: a container that runs by then stays.
fn add(draft: &mut Draft, host: &HostView, containers: &[String], images: &[String]) {
    let of = |area, names: &[String]| -> Vec<Predicate> {
        names
            .iter()
            .map(|name| Predicate::absent(&[area, name]))
            .collect()
    };
    let before = ends(draft.steps_on(Some(host.name())));
    let before: Vec<_> = before.iter().map(|step| step.id.clone()).collect();
    let what = [containers, images].concat().join(", ");
    let subject = draft.config.service_with_destination();
    let step = host
        .step(StepKind::Prune, ["prune", &subject, "remove"])
        .because(
            format!("Remove {}", counted(containers.len(), images.len())),
            Reason::Expired { what },
        )
        .needs(before)
        .does((!containers.is_empty()).then(|| container::remove_stopped(containers)))
        .does((!images.is_empty()).then(|| image::remove(images)))
        .done_when([of("containers", containers), of("images", images)].concat())
        .tolerated();
    draft.add(step);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_role_are_kept() {
        let made = [
            ("a1", "web", 1),
            ("a2", "web", 2),
            ("a3", "web", 3),
            ("j1", "job", 1),
            ("j2", "job", 9),
        ];
        let made = made.map(|(name, role, created_at)| {
            let labels = [("role".to_owned(), role.to_owned())].into();
            let container = ContainerFacts {
                labels,
                created_at,
                ..ContainerFacts::default()
            };
            (name.to_owned(), container)
        });
        for (kept, replaced, expected) in [
            (0, 0, "a1 a2 a3 j1 j2"),
            (0, 1, "a1 a2 a3 j1 j2"),
            (1, 0, "a1 a2 j1"),
            (1, 1, "a1 a2 a3 j1"),
            (2, 0, "a1"),
            (2, 1, "a1 a2"),
            (9, 1, ""),
        ] {
            let mut stopped: Vec<_> = made
                .iter()
                .map(|(name, container)| (name, container))
                .collect();
            drop_newest(&mut stopped, kept, [("web".to_owned(), replaced)].into());
            let names: Vec<&str> = stopped.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{kept} {replaced}");
        }
    }
}
