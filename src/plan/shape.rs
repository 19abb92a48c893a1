//! The graph of a plan, and the ways to find a step in it.

use std::collections::HashMap;
use std::ops::Index;

use super::model::{NeedOn, Plan, Step};
use crate::graph::{Condition, Edge, Graph, GraphError, Queue};
use crate::name::StepId;

index_vec::define_index_type! {
    /// The position of a step in [`Plan::steps`].
    pub struct StepIndex = usize;
}

impl Index<StepIndex> for Plan {
    type Output = Step;

    fn index(&self, step: StepIndex) -> &Step {
        &self.steps[step.index()]
    }
}

/// The graph of a plan's steps.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The graph itself.
    pub graph: Graph<StepIndex>,
    by_id: HashMap<StepId, StepIndex>,
    by_hash: HashMap<String, StepIndex>,
}

/// Why a plan's steps do not make a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Two steps have one id.
    #[error("duplicate step {0}")]
    Duplicate(StepId),
    /// A step needs a step that the plan does not have.
    #[error("step {step} needs unknown step {need}")]
    UnknownNeed {
        /// The step.
        step: StepId,
        /// What it needs.
        need: StepId,
    },
    /// A step waits, directly or not, for itself.
    #[error("dependency cycle through step {0}")]
    Cycle(StepId),
}

impl Shape {
    /// Builds and checks the graph of `plan`.
    ///
    /// # Errors
    ///
    /// An id that stands twice, a need that is no step, and a cycle.
    pub fn new(plan: &Plan) -> Result<Self, ShapeError> {
        let (mut by_id, mut by_hash) = (HashMap::new(), HashMap::new());
        for (step, index) in plan.steps.iter().zip((0..).map(StepIndex::from_usize)) {
            if by_id.insert(step.id.clone(), index).is_some() {
                return Err(ShapeError::Duplicate(step.id.clone()));
            }
            by_hash.insert(step.id.hash(), index);
        }
        let mut edges = Vec::new();
        for step in &plan.steps {
            for need in &step.needs {
                let Some(&from) = by_id.get(&need.step) else {
                    return Err(ShapeError::UnknownNeed {
                        step: step.id.clone(),
                        need: need.step.clone(),
                    });
                };
                let condition = match need.on {
                    NeedOn::Success => Condition::Success,
                    NeedOn::Settled => Condition::Settled,
                };
                let to = by_id[&step.id];
                edges.push(Edge {
                    from,
                    to,
                    condition,
                });
            }
        }
        let graph = Graph::new(plan.steps.len(), &edges).map_err(|error| match error {
            GraphError::Cycle { node } | GraphError::OutOfRange { to: node, .. } => {
                ShapeError::Cycle(plan.steps[node].id.clone())
            }
        })?;
        Ok(Self {
            graph,
            by_id,
            by_hash,
        })
    }

    /// Returns the position of the step with this id.
    pub fn index(&self, id: &StepId) -> Option<StepIndex> {
        self.by_id.get(id).copied()
    }

    /// Returns the position of the step whose [`StepId::hash`] this is.
    pub fn index_of_hash(&self, hash: &str) -> Option<StepIndex> {
        self.by_hash.get(hash).copied()
    }

    /// Returns a queue over the graph in which barriers tolerate what they say.
    pub fn queue(&self, plan: &Plan) -> Queue<StepIndex> {
        Queue::new(&self.graph, |node| {
            let barrier = plan[node].barrier.as_ref();
            barrier.map_or(0, |barrier| barrier.at_most_failed as usize)
        })
    }
}

/// Returns whether a step is a barrier.
pub fn is_barrier(plan: &Plan, step: StepIndex) -> bool {
    plan[step].kind.is_barrier()
}
