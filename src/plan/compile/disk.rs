//! The disk of a host that is to get images.

use super::step::makes_room;
use super::{Draft, HostView};
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::plan::{Step, StepKind};

/// Free bytes below which nothing is pulled: an image, a container and their logs need more.
const FLOOR: u64 = 100 << 20;

/// Free bytes below which a reviewer should know, if it is not known what the image takes.
const LITTLE: u64 = 1 << 30;

/// What an image takes while it is pulled, for each byte of its compressed layers: these, and what is unpacked from them.
const UNPACKED: u64 = 4;

/// What is said of a host on which something goes first.
const FIRST: &str = "; old containers and images are removed before it is pulled";

/// Refuses hosts whose disk is full, and warns of those whose disk nearly is, if they are to get an image.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let free = host.facts.free_bytes;
        let any = |is_meant: fn(&Step) -> bool| draft.steps_on(Some(host.name())).any(is_meant);
        // 0 is not known.
        if free == 0 || !any(gets_image) {
            continue;
        }
        let others = any(|step| gets_image(step) && !is_app(step));
        let needed = match any(is_app) {
            true => needed(draft, &host),
            false => None,
        };
        let has_room_made = any(makes_room);
        let is_little = match needed {
            Some(needed) => free < needed || (others && free < LITTLE),
            None => free < LITTLE,
        };
        if free < FLOOR && !has_room_made {
            refuse(draft, &host);
        } else if is_little {
            let needed = needed.filter(|needed| free < *needed);
            let then = if has_room_made { FIRST } else { "" };
            warn(draft, &host, needed, then);
        }
    }
}

/// Returns, if the image may not fit on `host`, how much is free and how much is needed.
pub fn shortage(draft: &Draft, host: &HostView) -> Option<String> {
    let free = host.facts.free_bytes;
    let needed = needed(draft, host).unwrap_or(FLOOR);
    let is_short = free != 0 && free < needed;
    is_short.then(|| format!("{} MiB free, about {} MiB needed", free >> 20, needed >> 20))
}

/// Returns the bytes that must be free on `host` for the pull of the image, as far as that can be told: by its layers in the registry, else
/// by the newest image of the service on the host. Layers that the host has already are not taken off.
fn needed(draft: &Draft, host: &HostView) -> Option<u64> {
    let reference = image::reference(draft.config, draft.version);
    let taken = match draft.facts.registry_bytes.get(&reference) {
        Some(bytes) => bytes.saturating_mul(UNPACKED),
        None => {
            let repository = draft.config.repository();
            let images = host.facts.images.iter();
            let known =
                images.filter(|(name, image)| image::is_of(name, &repository) && image.bytes > 0);
            let known = known.map(|(_, image)| image);
            let newest = known.max_by_key(|image| image.created_at)?;
            newest.bytes.saturating_add(newest.bytes / (UNPACKED - 1))
        }
    };
    Some(taken.saturating_add(FLOOR))
}

fn gets_image(step: &Step) -> bool {
    matches!(step.kind, StepKind::Pull | StepKind::InstallDocker)
        || step.accessory.is_some()
        || step.kind == StepKind::Traefik
}

/// Whether it pulls the app.
fn is_app(step: &Step) -> bool {
    step.kind == StepKind::Pull && step.accessory.is_none()
}

fn refuse(draft: &mut Draft, host: &HostView) {
    let message = format!(
        "host {}: the disk is full: {} MiB are free where Docker keeps its data, and images need at least {} MiB",
        host.name(),
        host.facts.free_bytes >> 20,
        FLOOR >> 20
    );
    let help = "free space on the host: `docker system df` shows what uses it, `docker image prune` removes \
                images that no container uses";
    draft.refuse(Diagnostic::error(message).help(help));
}

fn warn(draft: &mut Draft, host: &HostView, needed: Option<u64>, then: &str) {
    let free = host.facts.free_bytes >> 20;
    let needed = needed.map_or(String::new(), |needed| {
        format!(", which needs about {} MiB,", needed >> 20)
    });
    let host = host.name();
    draft.warn(format!(
        "host {host}: only {free} MiB are free where Docker keeps its data: the new image{needed} may not fit{then}"
    ));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::run;
    use crate::plan::compile::pull;
    use crate::plan::compile::testing::case;

    #[test]
    fn a_full_disk_is_refused_and_a_nearly_full_one_warned_of() {
        for (free, expected) in [
            (0_u64, None),
            (5 << 30, None),
            (500 << 20, Some("warning: host a: only 500 MiB are free")),
            (
                40 << 20,
                Some("error: host a: the disk is full: 40 MiB are free"),
            ),
        ] {
            let host = json!({"free_bytes": free});
            let notes = case("").a(host).after(&[pull::run, run]).notes;
            let found = notes.iter().find(|note| note.contains("MiB"));
            match expected {
                None => assert_eq!(found, None),
                Some(start) => assert!(found.unwrap().starts_with(start), "{notes:?}"),
            }
        }
        let idle = case("")
            .a(json!({"free_bytes": 1 << 20}))
            .after(&[run])
            .notes;
        assert!(idle.is_empty(), "{idle:?}");
    }
}
