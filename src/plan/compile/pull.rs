//! Pulls the image on each host that starts it.

use super::{Draft, HostView, registry, room};
use crate::action::{Action, VerifyImage};
use crate::docker::image::{self, Pin};
use crate::plan::compile::step::SILENCE;
use crate::plan::{Need, NeedOn, Predicate, Reason, StepKind, Travel};

fn has_pinned(draft: &Draft, host: &HostView) -> bool {
    let reference = image::reference(draft.config, draft.version);
    let there = host.facts.images.get(&reference);
    draft
        .pinned_digest()
        .is_some_and(|digest| there.is_some_and(|image| image.digests.contains(digest)))
}

/// Adds a pull if a container is to be started, unless the host has the pinned image already.
pub fn run(draft: &mut Draft) {
    for host in draft.hosts.clone().iter().filter(|host| host.changes) {
        pull(draft, host);
    }
}

/// Adds a pull if a container is to be started, unless the host has an image of that name.
pub fn missing(draft: &mut Draft) {
    let reference = image::reference(draft.config, draft.version);
    for host in draft.hosts.clone().iter().filter(|host| host.changes) {
        match host.facts.images.get(&reference) {
            Some(_) => draft.unchanged(Some(host.name()), "image", "the host has it"),
            None => pull(draft, host),
        }
    }
}

fn pull(draft: &mut Draft, host: &HostView) {
    let reference = image::reference(draft.config, draft.version);
    let digest = draft.pinned_digest();
    let push = draft.find(None, StepKind::Push);
    let there = host.facts.images.get(&reference);
    if let Some(digest) = digest
        && has_pinned(draft, host)
    {
        draft.unchanged(Some(host.name()), "image", format!("it has {digest}"));
        return;
    }
    let why = match there {
        None => Reason::missing(&reference),
        Some(_) => Reason::needed_by("the tag points to the planned image"),
    };
    let wanted = match digest {
        Some(digest) => Predicate::contains(&["images", &reference, "digests"], digest),
        None => Predicate::contains(&["images"], reference.as_str()),
    };
    let verify = Action::VerifyImage(VerifyImage {
        reference: reference.clone(),
        digest: digest.map(str::to_owned),
        pushed_by: push.clone(),
    });
    let pin = match (digest, &push) {
        (Some(digest), _) => Pin::Digest(digest),
        (None, Some(push)) => Pin::PushedBy(push),
        (None, None) => Pin::Tag,
    };
    let pulls = image::pull(&draft.config.repository(), draft.version, pin);
    let pull = registry::pull(draft, host, &reference, pulls);
    let installed = draft.find_each(host.name(), &[StepKind::InstallDocker]);
    let before = Vec::from_iter(push.clone().into_iter().chain(installed.clone()));
    let room = room::make(draft, host, before);
    let mut step = host
        .step(StepKind::Pull, ["image", draft.version, "pull"])
        .because(format!("Pull {}", draft.image_name()), why)
        .needs(push)
        .needs(installed)
        .does(pull.runs)
        .does([verify])
        .secrets(&pull.secrets, Travel::Stdin)
        .done_when([wanted])
        .silence(SILENCE)
        .retried();
    step.needs.extend(room.map(|step| Need {
        step,
        on: NeedOn::Settled,
    }));
    draft.add(step);
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
