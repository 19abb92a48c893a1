//! Whether a person may say how a step in doubt ended: a pure question about what its host shows.

use super::Plan;
use super::model::{Check, Step};
use super::resume::{Evidence, Status, resume};
use super::shape::{Shape, StepIndex};
use crate::record::AttemptState;

/// What a person has found out about a step in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It took effect.
    Done,
    /// It did not, or that was undone: it is to run again.
    Again,
}

/// Why nobody needs to say how a step ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has a known state.
    #[error("it is not in doubt: {0}")]
    Known(&'static str),
    /// Its own check is believed, not what is recorded.
    #[error("its check decides, which every apply runs again on this machine")]
    Checked,
    /// No run of its plan begins anything any more.
    #[error("the plan is recorded as finished, so nothing would run it again")]
    Finished,
}

impl Step {
    /// Returns whether a person can resolve a doubt about the step. The check of a local step is asked by every apply, and
    /// believed whatever is recorded.
    pub fn is_resolvable(&self) -> bool {
        self.host.is_some() || !matches!(self.check, Some(Check::Argv(_) | Check::Registry(_)))
    }
}

/// Returns the number of the attempt at `step` that is in doubt. `evidence` has what the host shows that keeps the step's records:
/// its attempts, its facts, and whether it lists the plan as finished.
///
/// # Errors
///
/// Fails if `finding` would change nothing.
pub fn attempt_in_doubt(
    (plan, shape): (&Plan, &Shape),
    step: StepIndex,
    evidence: &Evidence,
    finding: Finding,
) -> Result<u32, Refusal> {
    let entry = &plan[step];
    if !entry.is_resolvable() {
        return Err(Refusal::Checked);
    }
    let known = Refusal::Known;
    match resume(plan, shape, evidence)[step] {
        Status::InDoubt { .. } => {}
        Status::Done => return Err(known("it is done")),
        Status::Tolerated => return Err(known("it failed, which is tolerated")),
        Status::Outstanding { attempt: 1 } => return Err(known("it was not started")),
        Status::Outstanding { .. } => {
            return Err(known("it had no effect; the next apply runs it again"));
        }
        Status::Failed { .. } => {
            return Err(known(
                "it failed, or was resolved with --again; the next apply runs it again",
            ));
        }
        Status::Running { .. } => return Err(known("it is running")),
        Status::NeedsProbe | Status::Conflicts => return Err(Refusal::Checked),
    }
    let keeper = entry.host.as_ref().unwrap_or(&plan.lock_host);
    if finding == Finding::Again && evidence.finished.contains(keeper) {
        return Err(Refusal::Finished);
    }
    let hash = entry.id.hash();
    let attempts = evidence.attempts.get(keeper).into_iter().flatten();
    let lost =
        attempts.filter(|attempt| attempt.step == hash && attempt.state == AttemptState::Lost);
    let last = lost.map(|attempt| attempt.number).max();
    last.ok_or(Refusal::Known("no attempt at it is without a receipt"))
}
