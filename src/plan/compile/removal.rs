//! Steps that remove one thing each, so that a plan names all that goes.

use crate::action::{Action, Run};
use crate::docker::names::NETWORK;
use crate::docker::{container, image, network};
use crate::facts::model::{ContainerFacts, Privilege};
use crate::name::StepId;
use crate::plan::compile::{Draft, HostView};
use crate::plan::{Predicate, Reason, Step, StepKind};

/// Seconds for the removal of a directory.
const DIRECTORY_SECONDS: u32 = 900;

/// Adds the removal of the container `name`, which by then is stopped.
pub fn container(
    draft: &mut Draft,
    host: &HostView,
    (name, found): (&str, &ContainerFacts),
    prepare: impl FnOnce(Step) -> Step,
    after: Option<StepId>,
) -> StepId {
    let step = host
        .step(StepKind::Remove, ["container", name, "remove"])
        .because(format!("Remove container {name}"), Reason::Requested)
        .needs(after)
        .does([container::remove_stopped(&[name.to_owned()])])
        .done_when([Predicate::absent(&["containers", name])]);
    let id = draft.add(prepare(step));
    let is_still = Predicate::eq(&["containers", name, "id"], found.id.as_str());
    draft.rely(host.name(), is_still, vec![id.clone()]);
    id
}

/// Adds the removal of the image `reference`. That others use it is no failure of what was asked for.
pub fn image(draft: &mut Draft, host: &HostView, reference: &str, after: Vec<StepId>) -> StepId {
    let step = host
        .step(StepKind::Remove, ["image", reference, "remove"])
        .because(format!("Remove image {reference}"), Reason::Requested)
        .needs(after)
        .does([image::remove(&[reference.to_owned()])])
        .done_when([Predicate::absent(&["images", reference])])
        .tolerated();
    draft.add(step)
}

/// Adds the removal of a directory with all that is in it.
pub fn directory(
    draft: &mut Draft,
    host: &HostView,
    path: &str,
    prepare: impl FnOnce(Step) -> Step,
    after: Option<StepId>,
) -> StepId {
    let entries = host.facts.directories.get(path);
    let entries = entries.map_or(0, |directory| directory.entries);
    let step = host
        .step(StepKind::Remove, ["directory", path, "remove"])
        .because(
            format!("Remove directory {path} and the data in it ({entries} entries)"),
            Reason::Requested,
        )
        .needs(after)
        .does([remove_all(host, path)])
        .done_when([Predicate::absent(&["directories", path])])
        .timeout(DIRECTORY_SECONDS);
    draft.add(prepare(step))
}

/// Returns the command that removes a directory. What containers wrote there belongs to their users.
fn remove_all(host: &HostView, path: &str) -> Action {
    match host.facts.privilege {
        Privilege::None => Run::literal(["rm", "-rf", path]).into(),
        Privilege::Root | Privilege::Sudo => host.as_root("rm -rf", &[path]),
    }
}

/// Adds the removal of mrsk's network. That others use it is no failure of what was asked for.
pub fn network(draft: &mut Draft, host: &HostView, after: Vec<StepId>) -> StepId {
    let mut step = host
        .step(StepKind::Remove, ["network", NETWORK, "remove"])
        .because(format!("Remove network {NETWORK}"), Reason::Requested)
        .needs(after)
        .does([network::remove()])
        .done_when([Predicate::lacks(&["networks"], NETWORK)])
        .tolerated();
    step.shared_lock = true;
    draft.add(step)
}
