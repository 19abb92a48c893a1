//! Room for an image that would not fit on the disk of a host: what may go goes before it is pulled, down to what a rollback needs.

use super::{Draft, HostView, disk, prune};
use crate::name::StepId;
use crate::plan::Reason;
use crate::plan::compile::step::MAKE_ROOM;

/// Adds the removal if the image does not fit on `host` and something may go; it waits for `after`. Returns its step.
pub fn make(draft: &mut Draft, host: &HostView, after: Vec<StepId>) -> Option<StepId> {
    let shortage = disk::shortage(draft, host)?;
    let least = prune::down_to_target(draft, host);
    let fits = format!("{} fits on the disk ({shortage})", draft.image_name());
    let what = format!("{fits}: {}", least.names());
    let step = prune::step(draft, host, &least, MAKE_ROOM)?;
    let summary = step.summary.clone();
    let step = step.because(summary, Reason::needed_by(what)).needs(after);
    Some(draft.add(step))
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
