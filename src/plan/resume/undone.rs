//! Steps that seem to be done, and are not: their receipt says that they succeeded, and their effect is gone; or their check holds,
//! and they cannot have begun.

use std::collections::{HashMap, HashSet};

use index_vec::IndexVec;

use super::{Case, Proof, Shown, Status, Statuses};
use crate::name::{HostName, RoleName};
use crate::plan::kinds::{StepKind, SwitchPart};
use crate::plan::model::{Check, OnFailure, Plan, Step};
use crate::plan::shape::{Shape, StepIndex};

/// The steps that one cleanup may undo: those for the same role or accessory of a host.
type Subject<'a> = (&'a HostName, Option<&'a RoleName>, Option<&'a str>);

fn subject(step: &Step) -> Option<Subject<'_>> {
    let host = step.host.as_ref()?;
    let is_of_one = step.role.is_some() || step.accessory.is_some();
    is_of_one.then_some((host, step.role.as_ref(), step.accessory.as_deref()))
}

/// Returns whether a step is the first of a switch of one container.
fn begins_switch(step: &Step) -> bool {
    let is_part = step.kind == StepKind::Rename || step.kind.switch_part() != SwitchPart::None;
    step.safe_point && step.role.is_some() && is_part
}

/// Returns the steps whose effects the cleanup of a step may undo: what came before it in the switch of the same container.
pub fn what_cleanup_undoes(plan: &Plan, shape: &Shape, step: StepIndex) -> Vec<StepIndex> {
    let Some(wanted) = subject(&plan[step]) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut seen = HashSet::from([step]);
    let mut work = vec![step];
    while let Some(at) = work.pop() {
        // What came before is the switch of another container of the role, or prepared this one: no cleanup undoes it.
        if begins_switch(&plan[at]) {
            continue;
        }
        for need in shape.graph.needs(at) {
            if subject(&plan[need]) == Some(wanted) && seen.insert(need) {
                found.push(need);
                work.push(need);
            }
        }
    }
    found
}

impl Case<'_> {
    /// Where a power cut may have taken claims, a check may hold although its step never began: the container that a redeploy replaces has the
    /// name of the new one. No step begins before what it needs has ended.
    pub(super) fn take_back_what_cannot_have_begun(
        &self,
        proofs: &IndexVec<StepIndex, Proof>,
        statuses: &mut Statuses,
    ) {
        for &at in self.shape.graph.order() {
            let step = &self.plan[at];
            let Some(host) = &step.host else { continue };
            let is_by_check = self.histories[at].last == 0
                && step.unless.is_empty()
                && proofs[at] == Proof::Nothing
                && !self.evidence.finished.contains(host);
            let is_open = |need: StepIndex| {
                let needed = &self.plan[need];
                let has_ended = match statuses[need] {
                    Status::Done | Status::Tolerated | Status::NeedsProbe => true,
                    // It may have failed, which what follows did not mind.
                    _ => needed.on_failure == OnFailure::Tolerate && self.histories[need].last > 0,
                };
                needed.host.as_ref() == Some(host) && !has_ended
            };
            if is_by_check
                && statuses[at] == Status::Done
                && self.shape.graph.needs(at).any(is_open)
            {
                statuses[at] = Status::Outstanding { attempt: 1 };
            }
        }
    }

    /// A failed step's cleanup removes what earlier steps of its subject had done (the new
    /// container): of these, the ones whose check says no are outstanding again, and so is what was
    /// built on them. A power cut may have taken the claim of the step that failed.
    pub(super) fn take_back_what_was_undone(&self, statuses: &mut Statuses) {
        let order = self.shape.graph.order().iter().enumerate();
        let position: HashMap<StepIndex, usize> = order.map(|(at, &step)| (step, at)).collect();
        for (failed, history) in self.histories.iter_enumerated() {
            let step = &self.plan[failed];
            let ended_badly = match history.counts {
                Some((_, shown)) => matches!(shown, Shown::Failed | Shown::Lost),
                None => self.may_lack_claims(failed),
            };
            if step.cleanup.is_empty() || !ended_badly || statuses[failed] == Status::Done {
                continue;
            }
            let Some(host) = &step.host else { continue };
            let mut before = what_cleanup_undoes(self.plan, self.shape, failed);
            before.sort_by_key(|step| position.get(step).copied());
            let mut undone = HashSet::new();
            for earlier in before {
                if statuses[earlier] == Status::Done {
                    let attempt = self.histories[earlier].next();
                    let check = self.plan[earlier].check.as_ref();
                    let mut needs = self.shape.graph.needs(earlier);
                    if needs.any(|need| undone.contains(&need)) {
                        statuses[earlier] = Status::Outstanding { attempt };
                    } else if matches!(check, Some(Check::Facts(_))) {
                        statuses[earlier] = self.by_check(check, host, attempt);
                    }
                }
                if matches!(statuses[earlier], Status::Outstanding { .. }) {
                    undone.insert(earlier);
                }
            }
        }
    }

    /// What services share (the engine, the network, Traefik) may have gone since: a receipt counts while its check holds, as long as
    /// others on that host need it. Of several steps for one thing the last that has begun is asked: it may have undone what those
    /// before it did.
    pub(super) fn take_back_what_did_not_last(&self, statuses: &mut Statuses) {
        let (mut needed, mut begun) = (HashSet::new(), HashSet::new());
        for &at in self.shape.graph.order().iter().rev() {
            let step = &self.plan[at];
            let Some(host) = &step.host else { continue };
            let is_last = self.histories[at].last > 0 && begun.insert((host, step.kind));
            let is_here = |next: &StepIndex| self.plan[*next].host.as_ref() == Some(host);
            let is_open = |next: StepIndex| {
                let settled = matches!(statuses[next], Status::Done | Status::Tolerated);
                !settled || needed.contains(&next)
            };
            let mut dependents = self.shape.graph.dependents(at).filter(is_here);
            if !dependents.any(is_open) {
                continue;
            }
            needed.insert(at);
            let lasts = step.kind.changes_shared() && matches!(step.check, Some(Check::Facts(_)));
            if is_last && lasts && statuses[at] == Status::Done {
                let attempt = self.histories[at].next();
                match self.by_check(step.check.as_ref(), host, attempt) {
                    Status::InDoubt { .. } => {}
                    status => statuses[at] = status,
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "undone_tests.rs"]
mod tests;
