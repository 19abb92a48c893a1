//! A journal that cannot be written: nothing starts that it does not hold.

use std::collections::BTreeSet;

use super::event::{Action, Millis};
use super::model::State;
use super::progress::{Phase, Progress, SkipReason, StopReason};
use super::step::StepState;
use crate::name::StepId;
use crate::plan::shape::StepIndex;
use crate::record::Ending;

impl State {
    /// Takes what could not be written to the journal, and why, and the actions `rest` that follow it; returns what is to be done in
    /// their place. Steps that were about to start do not, and nothing starts any more.
    pub fn take_back(&mut self, now: Millis, message: String, rest: Vec<Action>) -> Vec<Action> {
        if self.phase == Phase::Exited {
            return rest;
        }
        self.now = self.now.max(now);
        self.stop_now(StopReason::JournalFailed(message));
        let mut unstarted: Vec<StepId> = Vec::new();
        for action in &rest {
            match action {
                Action::Start(_, steps) => {
                    unstarted.extend(steps.iter().map(|start| start.step.clone()));
                }
                Action::StartLocal(step, _) => unstarted.push(step.clone()),
                _ => {}
            }
        }
        let taken: BTreeSet<StepId> = unstarted.iter().cloned().collect();
        let starts = |action: &Action| match action {
            Action::Start(..) | Action::StartLocal(..) => true,
            Action::Report(Progress::StepStarted(step, _)) => taken.contains(step),
            _ => false,
        };
        let mut kept = rest;
        kept.retain(|action| !starts(action));
        let steps = unstarted.iter().filter_map(|id| self.shape.index(id));
        for step in steps.collect::<Vec<_>>() {
            self.take_back_step(step);
        }
        self.pump();
        kept.append(&mut self.actions);
        kept
    }

    /// A step was about to start and does not.
    fn take_back_step(&mut self, step: StepIndex) {
        self.leave_batch(step);
        let was_claimed =
            self.steps[step].state == StepState::RunsHere && self.plan[step].check.is_none();
        let run = &mut self.steps[step];
        run.state = StepState::Waiting;
        run.tries = run.tries.saturating_sub(1);
        if run.tries == 0 {
            run.started = None;
        }
        let attempt = run.attempt;
        if was_claimed {
            // Nothing of it has run: the next run begins it as the next attempt.
            self.note(step, attempt, Ending::Refused);
        } else if run.handed_over {
            // A session that broke may have begun it, or may do so; a check tells the next run.
            return match self.plan[step].has_facts_check() {
                true => self.lose(step),
                false => self.doubt(step),
            };
        }
        self.skip(step, SkipReason::Stopping);
    }
}
