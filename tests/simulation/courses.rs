//! The plans of a world. Each has runs, and what is true of its steps; one of them acts at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use index_vec::IndexVec;
use mrsk::facts::model::HostFacts;
use mrsk::name::{HostName, StepId};
use mrsk::plan::Plan;
use mrsk::plan::shape::StepIndex;

use super::compiled::Source;
use super::plans::{Scenario, Switch};
use super::truth::Truth;
use super::undo::Served;
use super::world::World;

index_vec::define_index_type! {
    /// The position of a plan in the world.
    pub struct PlanIndex = usize;

    DISPLAY_FORMAT = "{}";
}

/// A plan, what is true of its steps, and what has become of them.
pub struct Course {
    pub plan: Arc<Plan>,
    pub index: BTreeMap<StepId, StepIndex>,
    pub switches: Vec<Switch>,
    pub truth: Truth,
    pub pushed: bool,
    /// Broadcasts of this machine that were begun.
    pub told: BTreeSet<StepId>,
    /// Hooks that took effect.
    pub hooked: BTreeSet<StepId>,
    /// Steps of which some check could not tell.
    pub excused: BTreeSet<StepId>,
    /// What failed pushes were explained with.
    pub push_failures: Vec<String>,
    /// What its hosts showed when it was made.
    pub initial: BTreeMap<HostName, HostFacts>,
    /// Of an undo: what serves at its end.
    pub served: Option<Vec<Served>>,
    /// Of a plan that was compiled: from what.
    pub source: Option<Source>,
    /// Whether nobody applies it any more: it has come to its end, or others are to be applied instead.
    pub finished: bool,
}

impl Course {
    pub fn new(scenario: Scenario) -> Self {
        let Scenario {
            plan,
            facts,
            switches,
        } = scenario;
        let steps = plan.steps.iter().enumerate();
        let index = steps.map(|(index, step)| (step.id.clone(), StepIndex::from(index)));
        Self {
            index: index.collect(),
            switches,
            truth: Truth::new(plan.steps.len()),
            plan: Arc::new(plan),
            pushed: false,
            told: BTreeSet::new(),
            hooked: BTreeSet::new(),
            excused: BTreeSet::new(),
            push_failures: Vec::new(),
            initial: facts,
            served: None,
            source: None,
            finished: false,
        }
    }
}

impl World {
    /// Lets a plan act: what happens next is of its runs.
    pub(super) fn turn_to(&mut self, plan: PlanIndex) {
        if plan == self.at {
            return;
        }
        let next = self.parked[plan].take().expect("a plan acts or is parked");
        self.parked[self.at] = Some(std::mem::replace(&mut self.course, next));
        self.at = plan;
    }

    /// Adds a plan, and returns its position.
    pub(super) fn add_course(&mut self, course: Course) -> PlanIndex {
        let plan = self.parked.next_idx();
        for sim in self.hosts.values_mut() {
            sim.keep_of(plan, &course.plan.digest);
        }
        self.parked.push(Some(course));
        plan
    }

    /// Every plan, beside the one that acts.
    pub(super) fn others(&self) -> impl Iterator<Item = &Course> {
        self.parked.iter().flatten()
    }

    /// Whether somebody is still to apply a plan.
    pub(super) fn is_over(&self) -> bool {
        self.course.finished && self.others().all(|course| course.finished)
    }
}

/// The plans that do not act. The place of the one that does is empty.
pub type Parked = IndexVec<PlanIndex, Option<Course>>;
