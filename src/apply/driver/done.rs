//! What was done before a run took the lock.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::local_step::End;
use crate::apply::state::Outcome;
use crate::name::StepId;
use crate::plan::Plan;
use crate::record::Ending;

/// What steps of this machine have done before the lock was taken.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// How they ended.
    pub(super) ends: BTreeMap<StepId, End>,
    /// When the run began, by its clock.
    pub(super) begun: Duration,
    pub(super) has_read: bool,
    /// How the run ends, if it ends at once.
    pub(super) outcome: Option<Outcome>,
}

impl Ahead {
    /// Returns whether all of them succeeded, if there are any, and the run goes on.
    pub fn has_succeeded(&self) -> bool {
        let mut ends = self.ends.values();
        self.outcome.is_none() && ends.all(|end| end.ending == Ending::Succeeded)
    }

    /// Returns what counts for the plan `now`: steps that do what they did in the plan `then`.
    pub fn of_plan(&self, then: &Plan, now: &Plan) -> Self {
        let find = |plan: &'_ Plan, id: &StepId| {
            let mut steps = plan.steps.iter();
            steps
                .find(|step| step.id == *id)
                .map(|step| step.action.clone())
        };
        let is_same = |id: &StepId| find(then, id) == find(now, id);
        let ends = self.ends.iter().filter(|(id, _)| is_same(id));
        Self {
            ends: ends.map(|(id, end)| (id.clone(), end.clone())).collect(),
            ..self.clone()
        }
    }

    /// Returns whether `step` is one of them.
    pub fn contains(&self, step: &StepId) -> bool {
        self.ends.contains_key(step)
    }

    /// Returns the registry digest of the image that was pushed.
    pub fn pushed(&self) -> Option<&str> {
        self.ends.values().find_map(|end| end.value.as_deref())
    }
}
