//! What an undo does not bring back.

use std::collections::BTreeSet;

use crate::json;
use crate::plan::compile::Draft;
use crate::plan::operation::{Operation, Orphans};
use crate::plan::predicate::Op;
use crate::plan::{Check, Plan, Step, StepKind};
use crate::text::{list, list_up_to};

/// Names that a warning has.
const SHOWN: usize = 5;

/// Warns of all that `plan`, which was `asked` for, changes for good.
pub(super) fn warn(draft: &mut Draft, plan: &Plan, asked: &Operation) {
    let of = |kind: StepKind| plan.steps.iter().filter(move |step| step.kind == kind);
    if let Some(step) = of(StepKind::Release).next_back() {
        draft.warn(format!(
            "the undo does not take back what the release command did ({}); see that the earlier version works with it",
            step.summary
        ));
    }
    let removed: BTreeSet<String> = of(StepKind::Prune).flat_map(removed).collect();
    if !removed.is_empty() {
        let removed = list_up_to(SHOWN, &Vec::from_iter(removed));
        draft.warn(format!(
            "the undo does not bring back what was pruned: {removed}"
        ));
    }
    let steps = plan.steps.iter();
    let accessories: BTreeSet<&str> = steps.filter_map(|step| step.accessory.as_deref()).collect();
    if !accessories.is_empty() {
        let accessories = list(&Vec::from_iter(accessories));
        draft.warn(format!(
            "the undo leaves accessories as the plan does: {accessories}"
        ));
    }
    if asked.orphans == Orphans::Removed {
        draft.warn("the undo does not bring back roles that left deploy.yml");
    }
    if of(StepKind::Traefik).next().is_some() {
        draft.warn("the undo leaves Traefik as the plan does");
    }
}

/// Returns the names of what a step removes.
fn removed(step: &Step) -> Vec<String> {
    let Some(Check::Facts(predicates)) = &step.check else {
        return Vec::new();
    };
    let absent = predicates.iter().filter(|one| one.op == Op::Absent);
    absent
        .filter_map(|one| json::tokens(&one.fact).get(1).cloned())
        .collect()
}
