//! The disk of a host that is to get images.

use super::{Draft, HostView};
use crate::diagnostic::Diagnostic;
use crate::plan::{Step, StepKind};

/// Free bytes below which nothing is pulled: an image, a container and their logs need more.
const FLOOR: u64 = 100 << 20;

/// Free bytes below which a reviewer should know.
const LITTLE: u64 = 1 << 30;

/// Refuses hosts whose disk is full, and warns of those whose disk nearly is, if they are to get an image.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone() {
        let free = host.facts.free_bytes;
        // 0 is not known.
        if free == 0 || free >= LITTLE || !draft.steps_on(Some(host.name())).any(gets_image) {
            continue;
        }
        tell(draft, &host, free);
    }
}

fn gets_image(step: &Step) -> bool {
    matches!(step.kind, StepKind::Pull | StepKind::InstallDocker)
        || step.accessory.is_some()
        || step.kind == StepKind::Traefik
}

fn tell(draft: &mut Draft, host: &HostView, free: u64) {
    let (name, free_mib) = (host.name(), free >> 20);
    if free >= FLOOR {
        draft.warn(format!(
            "host {name}: only {free_mib} MiB are free where Docker keeps its data: the new image may not fit"
        ));
        return;
    }
    let message = format!(
        "host {name}: the disk is full: {free_mib} MiB are free where Docker keeps its data, and images need \
         at least {} MiB",
        FLOOR >> 20
    );
    let help = "free space on the host: `docker system df` shows what uses it, `docker image prune` removes \
                images that no container uses";
    draft.refuse(Diagnostic::error(message).help(help));
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
