//! Leaves out needs that follow from others, so that a reviewer sees only edges that matter.

use std::collections::{HashMap, HashSet};

use crate::name::StepId;
use crate::plan::compile::Draft;
use crate::plan::{NeedOn, Step, StepKind};

/// Removes from each step the needs that another of its needs has, directly or not.
pub fn run(draft: &mut Draft) {
    let steps = draft.steps.iter().enumerate();
    let positions: HashMap<&StepId, usize> = steps.map(|(at, step)| (&step.id, at)).collect();
    let steps = draft.steps.iter();
    let redundant: Vec<HashSet<StepId>> = steps
        .map(|step| redundant(step, &draft.steps, &positions))
        .collect();
    for (step, redundant) in draft.steps.iter_mut().zip(redundant) {
        step.needs.retain(|need| !redundant.contains(&need.step));
    }
}

fn redundant(step: &Step, steps: &[Step], positions: &HashMap<&StepId, usize>) -> HashSet<StepId> {
    let mut redundant = HashSet::new();
    if step.needs.len() < 2 || step.kind == StepKind::Barrier {
        return redundant;
    }
    let mut seen = HashSet::new();
    let needs = step.needs.iter();
    let mut work: Vec<usize> = needs
        .filter_map(|need| positions.get(&need.step).copied())
        .collect();
    while let Some(at) = work.pop() {
        let through = &steps[at];
        // What lies behind a barrier, or a hook, is as large as the plan.
        let joins_many = through.kind == StepKind::Barrier || through.kind.is_hook();
        if joins_many || !seen.insert(at) {
            continue;
        }
        for need in through
            .needs
            .iter()
            .filter(|need| need.on == NeedOn::Success)
        {
            redundant.insert(need.step.clone());
            work.extend(positions.get(&need.step));
        }
    }
    redundant
}
