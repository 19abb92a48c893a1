//! Pulls the image on each host that starts it.

use crate::action::{Action, VerifyImage};
use crate::docker::image;
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::step::{SILENCE, StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;

/// Returns whether `host` pulls the image: a container is to be started, and the host does not have the pinned image.
pub fn is_needed(draft: &Draft, host: &HostView) -> bool {
    host.changes && !has_pinned(draft, host)
}

fn has_pinned(draft: &Draft, host: &HostView) -> bool {
    let reference = image::reference(draft.config, draft.version);
    let there = host.facts.images.get(&reference);
    draft
        .image_digest
        .is_some_and(|digest| there.is_some_and(|image| image.digests.contains(digest)))
}

/// Adds a pull where a container is to be started, unless the host has the pinned image already.
pub fn run(draft: &mut Draft) {
    let reference = image::reference(draft.config, draft.version);
    let digest = draft.image_digest;
    let push = draft.find(None, StepKind::Push);
    for host in draft.hosts.clone().iter().filter(|host| host.changes) {
        let there = host.facts.images.get(&reference);
        if let Some(digest) = digest
            && has_pinned(draft, host)
        {
            draft.unchanged(Some(host.name()), "image", format!("it has {digest}"));
            continue;
        }
        let why = match there {
            None => Reason::Missing {
                what: reference.clone(),
            },
            Some(_) => Reason::NeededBy {
                what: "the tag points to the planned image".into(),
            },
        };
        let repository = draft.config.repository();
        let wanted = match digest {
            Some(digest) => Predicate::contains(&["images", &reference, "digests"], digest),
            None => Predicate::contains(&["images"], reference.as_str()),
        };
        let step = StepBuilder::new(
            step_id(Some(host.name()), "image", draft.version, "pull"),
            StepKind::Pull,
            Some(host.name()),
            format!("Pull {}", draft.image_name()),
            why,
        )
        .needs(push.clone())
        .needs(draft.find(Some(host.name()), StepKind::InstallDocker))
        .needs(draft.find(Some(host.name()), StepKind::RegistryLogin))
        .runs(image::pull(&repository, &reference, digest))
        .does(Action::VerifyImage(VerifyImage {
            reference: reference.clone(),
            digest: digest.map(str::to_owned),
            pushed_by: push.clone(),
        }))
        .done_when(vec![wanted])
        .silence(SILENCE)
        .retry(1)
        .build();
        draft.add(step);
    }
}
