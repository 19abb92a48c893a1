//! Removes stopped containers and images that are old enough.

use std::collections::{BTreeMap, BTreeSet};

use super::placement::{of_service, version_of};
use super::runs::{Earlier, Runs};
use super::step::makes_room;
use super::{Draft, HostView, assets, bootstrap, release};
use crate::docker::{container, image};
use crate::facts::model::{ContainerFacts, ImageFacts};
use crate::plan::compile::draft::ends;
use crate::plan::operation::Pruned;
use crate::plan::{Predicate, Reason, Step, StepKind};
use crate::text::{count, list};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Days for which an image is kept that no container uses, as the original has it.
const IMAGE_DAYS: u64 = 7;

/// Stopped versions of each role that stay however old they are: what a rollback goes to where nothing was routed.
const TARGETS: u32 = 1;

/// Versions that were routed last on a host, whose images stay however old they are.
const ROUTED: usize = 5;

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
    let kept = Kept::of(draft);
    for host in draft.hosts.clone() {
        if draft.steps_on(Some(host.name())).any(makes_room) {
            continue;
        }
        let containers = match pruned {
            Pruned::All | Pruned::Containers => old_containers(draft, &host, &kept),
            Pruned::Images => Vec::new(),
        };
        let images = match pruned {
            Pruned::All | Pruned::Images => unused_images(draft, &host, &containers, &kept),
            Pruned::Containers => Vec::new(),
        };
        let assets = match pruned {
            Pruned::All | Pruned::Containers => assets::unused(host.facts, &containers),
            Pruned::Images => Vec::new(),
        };
        let old = Old {
            containers,
            images,
            assets,
        };
        let before = ends(draft.steps_on(Some(host.name())));
        let before: Vec<_> = before.iter().map(|step| step.id.clone()).collect();
        if let Some(step) = step(draft, &host, &old, "remove") {
            draft.add(step.needs(before));
        }
    }
}

/// What may go, by name.
#[derive(Debug, Default)]
pub(super) struct Old {
    containers: Vec<String>,
    images: Vec<String>,
    assets: Vec<String>,
}

impl Old {
    fn all(&self) -> Vec<String> {
        let Self {
            containers,
            images,
            assets,
        } = self;
        [containers.as_slice(), images, assets].concat()
    }

    /// Returns their names.
    pub fn names(&self) -> String {
        self.all().join(", ")
    }
}

/// What stays however old it is.
struct Kept<'a> {
    /// The containers that are wanted.
    names: BTreeSet<String>,
    /// The version that a rollback would go to now, and others like it.
    targets: BTreeSet<&'a str>,
}

impl<'a> Kept<'a> {
    fn of(draft: &Draft<'a>) -> Self {
        let placements = draft.placements.iter();
        let target = match Runs::of(draft.facts, &draft.slots).earlier() {
            Earlier::Version(version) | Earlier::RolledBack { version, .. } => Some(version),
            Earlier::Unknown => None,
        };
        Self {
            names: placements.map(|placement| placement.name.clone()).collect(),
            targets: target.into_iter().collect(),
        }
    }

    fn is_target(&self, container: &ContainerFacts) -> bool {
        self.targets.contains(version_of(container).as_str())
    }
}

/// Returns all that may go on `host`, however new it is: neither what runs, nor what a rollback goes to, be it now or once the plan has
/// been applied.
pub(super) fn down_to_target(draft: &Draft, host: &HostView) -> Old {
    let mut kept = Kept::of(draft);
    let routed = host.facts.routed.iter();
    let last: BTreeMap<&str, &str> = routed
        .map(|route| (route.role.as_str(), route.version.as_str()))
        .collect();
    kept.targets.extend(last.into_values());
    let mut stopped = stopped(draft, host, &kept);
    drop_newest(&mut stopped, TARGETS, &kept, replaced(draft, host));
    let containers = stopped.into_iter().map(|(name, _)| name.clone());
    let mut containers: Vec<String> = containers.collect();
    containers.extend(release::expired(draft, host, &containers, u64::MAX));
    let targets = kept.targets.iter();
    let targets: BTreeSet<String> = targets
        .map(|version| image::reference(draft.config, version))
        .collect();
    let images = unneeded_images(draft, host, &containers);
    let images = images.filter(|(reference, _)| !targets.contains(*reference));
    let images = images.map(|(reference, _)| reference.clone()).collect();
    Old {
        assets: assets::unused(host.facts, &containers),
        containers,
        images,
    }
}

/// Returns the containers of `host` that do not run and that the plan does not start.
fn stopped<'f>(
    draft: &Draft<'f>,
    host: &HostView<'f>,
    kept: &Kept,
) -> Vec<(&'f String, &'f ContainerFacts)> {
    let containers = host.facts.containers.iter();
    containers
        .filter(|(name, container)| {
            is_ours(draft, container) && !container.state.is_up() && !kept.names.contains(*name)
        })
        .collect()
}

fn old_containers(draft: &Draft, host: &HostView, kept: &Kept) -> Vec<String> {
    let mut stopped = stopped(draft, host, kept);
    let seen = replaced(draft, host);
    match draft.config.retain_containers {
        Some(count) => drop_newest(&mut stopped, count, kept, seen),
        None => {
            let days = u64::from(draft.config.retain_days);
            let limit = draft.facts.taken_at.saturating_sub(days * DAY);
            drop_newest(&mut stopped, TARGETS, kept, seen);
            stopped.retain(|(_, container)| since(container) < limit);
        }
    }
    let mut removed: Vec<String> = stopped.into_iter().map(|(name, _)| name.clone()).collect();
    let days = u64::from(draft.config.retain_days);
    let limit = draft.facts.taken_at.saturating_sub(days * DAY);
    removed.extend(release::expired(draft, host, &removed, limit));
    removed
}

/// Versions by role.
type Versions = BTreeMap<String, BTreeSet<String>>;

/// Returns the versions of each role that the plan stops on `host`.
fn replaced(draft: &Draft, host: &HostView) -> Versions {
    let here = draft.placements_on(host.name());
    here.map(|placement| {
        let old = placement.old.iter();
        let old = old.map(|name| match host.facts.containers.get(name) {
            Some(container) => version_of(container),
            // The one that is renamed first.
            None => draft.version.to_owned(),
        });
        (placement.role.name.to_string(), old.collect())
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

/// Takes the target of a rollback and the newest versions of each role out of `stopped`, `count` with the target. Those that
/// the plan stops, `seen`, are newer than all of them.
fn drop_newest(
    stopped: &mut Vec<(&String, &ContainerFacts)>,
    count: u32,
    kept: &Kept,
    mut seen: Versions,
) {
    stopped.sort_by_key(|(name, container)| {
        let is_target = kept.is_target(container);
        (!is_target, std::cmp::Reverse(since(container)), *name)
    });
    stopped.retain(|(_, container)| {
        let role = container.labels.get("role").cloned();
        let versions = seen.entry(role.unwrap_or_default()).or_default();
        versions.insert(version_of(container));
        !kept.is_target(container) && u32::try_from(versions.len()).is_ok_and(|seen| seen > count)
    });
    stopped.sort_by_key(|(name, _)| *name);
}

/// Returns whether a container is one of a role. Images have the label `service` too, which what
/// somebody else starts from them inherits.
fn is_ours(draft: &Draft, container: &ContainerFacts) -> bool {
    of_service(draft.config, container) && container.labels.contains_key("role")
}

/// Returns the images of the versions that were routed last on `host`, and that of the version that a rollback goes to.
fn routed_images(draft: &Draft, host: &HostView, kept: &Kept) -> BTreeSet<String> {
    let mut versions: Vec<&str> = kept.targets.iter().copied().collect();
    let mut last = Vec::new();
    for route in host.facts.routed.iter().rev() {
        let version = route.version.as_str();
        if last.len() < ROUTED && !last.contains(&version) {
            last.push(version);
        }
    }
    versions.extend(last);
    let images = versions.into_iter();
    images
        .map(|version| image::reference(draft.config, version))
        .collect()
}

fn unused_images(draft: &Draft, host: &HostView, removed: &[String], kept: &Kept) -> Vec<String> {
    let routed = routed_images(draft, host, kept);
    let limit = draft.facts.taken_at.saturating_sub(IMAGE_DAYS * DAY);
    unneeded_images(draft, host, removed)
        .filter(|(reference, image)| !routed.contains(*reference) && image.created_at < limit)
        .map(|(reference, _)| reference.clone())
        .collect()
}

/// Returns the images of the service on `host` that neither the plan nor a container needs that is not `removed`.
fn unneeded_images<'f>(
    draft: &Draft<'f>,
    host: &HostView<'f>,
    removed: &[String],
) -> impl Iterator<Item = (&'f String, &'f ImageFacts)> {
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
    host.facts.images.iter().filter(move |(reference, image)| {
        image::is_of(reference, &repository)
            && **reference != wanted
            && **reference != latest
            && !used.contains(reference)
            && !used.contains(&image.id)
    })
}

/// Returns `1 old container and 2 unused images`.
fn counted(old: &Old) -> String {
    let nouns = [
        (old.containers.len(), "old container"),
        (old.images.len(), "unused image"),
        (old.assets.len(), "unused asset directory"),
    ];
    let parts: Vec<String> = nouns
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    list(&parts)
}

/// Returns the step that removes what is `old` on a host, if anything is. Nothing is forced: a container that runs by then stays.
pub(super) fn step(draft: &Draft, host: &HostView, old: &Old, verb: &str) -> Option<Step> {
    if old.all().is_empty() {
        return None;
    }
    let Old {
        containers,
        images,
        assets,
    } = old;
    let directories = assets::removal(draft.config, host.facts, assets);
    let (directories, gone) = directories.unzip();
    let of = |area, names: &[String]| -> Vec<Predicate> {
        names
            .iter()
            .map(|name| Predicate::absent(&[area, name]))
            .collect()
    };
    let subject = draft.config.service_with_destination();
    let step = host
        .step(StepKind::Prune, ["prune", &subject, verb])
        .because(
            format!("Remove {}", counted(old)),
            Reason::Expired { what: old.names() },
        )
        .does((!containers.is_empty()).then(|| container::remove_stopped(containers)))
        .does((!images.is_empty()).then(|| image::remove(images)))
        .does(directories)
        .done_when(
            [
                of("containers", containers),
                of("images", images),
                gone.unwrap_or_default(),
            ]
            .concat(),
        )
        .tolerated();
    Some(step)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::compile::testing::{case, routes, running, stopped};
    use crate::text::action_line;

    #[test]
    fn the_newest_versions_of_each_role_are_kept() {
        let made = [
            ("a1", "web", 1, "v1"),
            ("a2", "web", 2, "v2"),
            ("a2_replaced_1", "web", 3, "v2"),
            ("a3", "web", 4, "v3"),
            ("j1", "job", 1, "v1"),
            ("j2", "job", 9, "v2"),
        ];
        let made = made.map(|(name, role, created_at, version)| {
            let labels = [("role", role), ("mrsk.version", version)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let container = ContainerFacts {
                labels: labels.into(),
                created_at,
                ..ContainerFacts::default()
            };
            (name.to_owned(), container)
        });
        for (kept, replaced, expected) in [
            (0, "", "a1 a2 a2_replaced_1 a3 j1 j2"),
            (0, "v4", "a1 a2 a2_replaced_1 a3 j1 j2"),
            (1, "", "a1 a2 a2_replaced_1 j1"),
            (1, "v3", "a1 a2 a2_replaced_1 j1"),
            (1, "v4", "a1 a2 a2_replaced_1 a3 j1"),
            (2, "", "a1"),
            (2, "v4", "a1 a2 a2_replaced_1"),
            (9, "v4", ""),
        ] {
            let mut stopped: Vec<_> = made
                .iter()
                .map(|(name, container)| (name, container))
                .collect();
            let versions = (!replaced.is_empty()).then(|| replaced.to_owned());
            let seen = [("web".to_owned(), versions.into_iter().collect())];
            let none = Kept {
                names: BTreeSet::new(),
                targets: BTreeSet::new(),
            };
            drop_newest(&mut stopped, kept, &none, seen.into());
            let names: Vec<&str> = stopped.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{kept} {replaced}");
        }
    }

    fn route(version: u64) -> serde_json::Value {
        json!({
            "role": "web", "version": version.to_string(), "container": format!("app-web-{version}"), "at": version,
        })
    }

    #[test]
    fn what_a_rollback_goes_to_and_what_was_routed_last_stay() {
        let routed: Vec<_> = (1..=8).map(route).collect();
        let images = (1..=8).map(|version| {
            (
                format!("r.example/team/app:{version}"),
                json!({"id": version.to_string()}),
            )
        });
        let images: serde_json::Map<String, serde_json::Value> = images.collect();
        let stopped = |version: &str| stopped(version, [1, 2]);
        let case = case("retain_containers: 0")
            .asks_for(json!({"name": "prune all"}))
            .facts(json!({"taken_at": 100 * DAY}))
            .a(json!({
                "containers": {
                    "app-web-8": running("8", 8), "app-web-7": stopped("7"), "app-web-6": stopped("6"),
                },
                "files": routes("8"), "images": images, "routed": routed,
            }));
        let plan = case.plan().unwrap();
        let prune = plan.steps.iter().find(|step| step.kind == StepKind::Prune);
        let actions = prune.unwrap().action.iter().map(action_line);
        assert_eq!(
            Vec::from_iter(actions),
            [
                "docker rm app-web-6",
                "docker image rm r.example/team/app:1 r.example/team/app:2 r.example/team/app:3"
            ]
        );
    }

    /// Returns which containers a prune removes where version 8 runs, and those from `first` on have stopped, the target of a rollback
    /// among them.
    fn removed(config: &str, first: u64) -> String {
        let routed: Vec<_> = (6..=8).map(route).collect();
        let old = (first..8).map(|version| {
            let name = format!("app-web-{version}");
            (name, stopped(&version.to_string(), [1, version]))
        });
        let mut containers: serde_json::Map<String, serde_json::Value> = old.collect();
        containers.insert("app-web-8".into(), running("8", 8));
        let case = case(config)
            .asks_for(json!({"name": "prune containers"}))
            .facts(json!({"taken_at": 100 * DAY}))
            .a(json!({"containers": containers, "files": routes("8"), "routed": routed}));
        let plan = case.plan().unwrap();
        let prune = plan.steps.iter().find(|step| step.kind == StepKind::Prune);
        let actions = prune.iter().flat_map(|step| step.action.iter());
        let lines = actions.map(action_line);
        Vec::from_iter(lines).join("; ")
    }

    #[test]
    fn the_target_of_a_rollback_is_one_of_those_that_are_kept() {
        assert_eq!(removed("", 7), "");
        assert_eq!(removed("", 6), "docker rm app-web-6");
        assert_eq!(removed("retain_containers: 1", 6), "docker rm app-web-6");
        assert_eq!(removed("retain_containers: 2", 5), "docker rm app-web-5");
    }
}
