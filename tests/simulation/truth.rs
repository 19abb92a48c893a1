//! What is true of the steps, kept apart from claims, receipts and everything that a run believes.

use std::collections::BTreeSet;

use index_vec::{IndexVec, index_vec};
use mrsk::name::{HostName, StepId};
use mrsk::plan::shape::StepIndex;
use mrsk::plan::{NeedOn, OnFailure, Plan, Step, StepKind};

/// The truth about every step.
pub struct Truth {
    /// How often its effect happened and was not undone.
    effects: IndexVec<StepIndex, u32>,
    /// Whether its effect ever happened: others that wait for it have heard so, whatever has become of it since.
    ever: IndexVec<StepIndex, bool>,
    /// How many commands of it run now.
    running: IndexVec<StepIndex, u32>,
    /// Whether a command of it was ever begun.
    begun: IndexVec<StepIndex, bool>,
    /// Steps whose effect was there before the plan began: a host that was restarted may have lost their claims.
    pub held: BTreeSet<StepIndex>,
    /// A host of whose steps nothing is true but what it says.
    pub liar: Option<HostName>,
}

impl Truth {
    pub fn new(steps: usize) -> Self {
        Self {
            effects: index_vec![0; steps],
            ever: index_vec![false; steps],
            running: index_vec![0; steps],
            begun: index_vec![false; steps],
            held: BTreeSet::new(),
            liar: None,
        }
    }

    pub fn start_running(&mut self, step: StepIndex) {
        self.running[step] += 1;
        self.begun[step] = true;
    }

    pub fn stop_running(&mut self, step: StepIndex) {
        self.running[step] -= 1;
    }

    /// Notes an effect; `Err` where it had happened before.
    pub fn take_effect(&mut self, step: StepIndex) -> Result<(), ()> {
        self.effects[step] += 1;
        self.ever[step] = true;
        if self.effects[step] > 1 {
            Err(())
        } else {
            Ok(())
        }
    }

    /// It has failed: it may be repeated, although its effect may be there already.
    pub fn fail(&mut self, step: StepIndex) {
        if self.effects[step] > 0 {
            self.effects[step] = 0;
            self.held.insert(step);
        }
    }

    /// Its effect is gone.
    pub fn take_back(&mut self, step: StepIndex) {
        self.effects[step] = 0;
        self.held.remove(&step);
    }

    pub fn has_taken_effect(&self, step: StepIndex) -> bool {
        self.effects[step] > 0
    }

    pub fn is_running(&self, step: StepIndex) -> bool {
        self.running[step] > 0
    }

    /// A cleanup removed the new container of `failed`'s role, or that of the release command: what was done to it is undone.
    pub fn undo(&mut self, plan: &Plan, failed: &Step) {
        let undone: &[StepKind] = match failed.kind {
            StepKind::Release => &[StepKind::Release],
            _ => &[StepKind::Start, StepKind::Healthcheck],
        };
        for (index, step) in plan.steps.iter().enumerate() {
            let same = step.host == failed.host && step.role == failed.role;
            if same && undone.contains(&step.kind) {
                self.effects[StepIndex::from(index)] = 0;
            }
        }
    }

    /// Returns a need of a step on a host that is not met. Local steps but the push are judged where they happen.
    pub fn unmet(
        &self,
        plan: &Plan,
        index: &dyn Fn(&StepId) -> StepIndex,
        step: StepIndex,
        pushed: bool,
    ) -> Option<StepId> {
        let begun = step;
        let mut work = vec![step];
        while let Some(at) = work.pop() {
            for need in &plan[at].needs {
                let on = index(&need.step);
                let step = &plan[on];
                // Who waits behind a barrier has heard so, too.
                let is_here = step.host == plan[begun].host && plan[at].kind != StepKind::Barrier;
                let met = match (step.kind, &step.host) {
                    (StepKind::Barrier, _) => {
                        work.push(on);
                        true
                    }
                    (StepKind::Push, None) => pushed,
                    (_, None) => true,
                    (_, Some(host)) if self.liar.as_ref() == Some(host) => true,
                    (_, Some(_)) if !is_here => self.ever[on] || self.held.contains(&on),
                    (_, Some(_)) => {
                        let settled = need.on == NeedOn::Settled
                            && step.on_failure == OnFailure::Tolerate
                            && self.begun[on];
                        !self.is_running(on)
                            && (self.effects[on] > 0 || settled || self.held.contains(&on))
                    }
                };
                if !met {
                    return Some(need.step.clone());
                }
            }
        }
        None
    }

    /// Returns the steps whose failure was tolerated.
    pub fn tolerated<'a>(&self, plan: &'a Plan) -> Vec<&'a Step> {
        plan.steps
            .iter()
            .enumerate()
            .filter(|(index, step)| {
                step.on_failure == OnFailure::Tolerate && self.effects[*index] == 0
            })
            .map(|(_, step)| step)
            .collect()
    }
}
