//! What must hold when a run ends, and when everything has ended; and at all times, of what a journal holds.

use std::collections::BTreeMap;

use mrsk::apply::state::{JournalEntry, Outcome, SkipReason, StepStatus};
use mrsk::name::StepId;
use mrsk::plan::effect::effects;
use mrsk::plan::{Check, Step};

use super::siblings::SIBLING;
use super::world::{Item, Known, PRINTED_SECRET, Runner, RunnerIndex, World, is_old};

impl World {
    /// A runner that neither waits for a time nor for anybody would wait for ever.
    pub(super) fn check_quiescence(&mut self, runner: RunnerIndex) {
        let at = &self.runners[runner];
        if at.exited.is_none() && !at.dead && at.state.deadline().is_none() && self.heap.is_empty()
        {
            self.fail(format!("runner {runner} waits for nothing"));
        }
    }

    /// What commands print may hold a secret: the journal keeps none of it.
    pub(super) fn check_entry(&mut self, runner: RunnerIndex, entry: &JournalEntry) {
        if let JournalEntry::Started { step, attempt } = entry {
            let start = (step.clone(), *attempt);
            self.runners[runner].journaled.insert(start);
        }
        let line = serde_json::to_string(entry).unwrap();
        if line.contains(PRINTED_SECRET) {
            self.fail(format!("the journal holds what a command printed: {line}"));
        }
    }

    pub(super) fn exit(&mut self, runner: RunnerIndex, outcome: Outcome) {
        self.note(format!("<- {runner} exit {outcome:?}"));
        let holds = self.hosts[&self.course.plan.lock_host]
            .lock
            .as_ref()
            .is_some_and(|lock| lock.run == self.runners[runner].run);
        let at = &mut self.runners[runner];
        at.exited = Some(outcome.clone());
        let lock_host = &self.course.plan.lock_host;
        let answers = at.links.get(lock_host).is_some_and(|link| {
            link.alive && (link.known == Known::Open || at.failed.contains(lock_host))
        });
        let excused = at.has_quit || !answers;
        at.left_lock = excused;
        if holds && !excused && !self.lies_about_the_lock() {
            return self.fail(format!("runner {runner} left its lock behind"));
        }
        if self.liar.is_some() {
            self.course.finished = true;
            return self.judge_the_honest(runner, &outcome);
        }
        if let Some(step) = self.unfinished(runner, &outcome) {
            return self.fail(format!("{step} is left out though its switch has begun"));
        }
        let failed = &self.runners[runner].failed;
        match &outcome {
            Outcome::Unreachable(hosts) if hosts.iter().any(|(host, _)| failed.contains(host)) => {
                return self.fail(format!("a host that answers: {outcome:?}"));
            }
            Outcome::Done => {
                self.course.finished = true;
                self.judge_audit(runner);
                return self.judge_facts();
            }
            Outcome::AlreadyApplied(_) => {
                self.course.finished = true;
                return self.judge_facts();
            }
            Outcome::Stale { .. } if self.runners[runner].saw_silence => {}
            Outcome::Superseded(..) | Outcome::Stale { .. } if self.is_overtaken() => {
                return self.give_up_plan();
            }
            Outcome::Superseded(..) if self.is_superseded() => {
                self.course.finished = true;
                return;
            }
            Outcome::Stale { .. } | Outcome::Superseded { .. } | Outcome::LockForeign { .. } => {
                return self.fail(format!("unfounded outcome {outcome:?}"));
            }
            Outcome::InDoubt(steps) => {
                for step in steps {
                    let unknowable = !matches!(
                        (&self.plan_step(step).check, &self.plan_step(step).host),
                        (Some(Check::Facts(_)), Some(_))
                            | (Some(Check::Argv(_) | Check::Registry(_)), None)
                    );
                    if !unknowable && !self.course.excused.contains(step) {
                        return self.fail(format!("{step} is in doubt though its check could say"));
                    }
                }
                self.resolve_hooks(steps);
            }
            _ => {}
        }
        let delay = self.rng.range(1_000, 30_000);
        self.after(delay, Item::Launch { plan: self.at });
    }

    /// Returns a drain or a stop that an interrupted run left out though what it needs was done.
    fn unfinished(&self, runner: RunnerIndex, outcome: &Outcome) -> Option<StepId> {
        let (Outcome::Interrupted(_) | Outcome::StopRequested(..)) = outcome else {
            return None;
        };
        let summary = self.runners[runner].state.summary();
        let statuses: BTreeMap<&StepId, &StepStatus> = summary
            .steps
            .iter()
            .map(|line| (&line.step, &line.status))
            .collect();
        let is_done = |step: &StepId| {
            matches!(
                statuses[step],
                StepStatus::Succeeded | StepStatus::AlreadyDone
            )
        };
        let is_left_out = |step: &&Step| {
            let reason = SkipReason::Stopping;
            is_old(step.kind)
                && *statuses[&step.id] == StepStatus::Skipped { reason }
                && step.needs.iter().all(|need| is_done(&need.step))
        };
        let step = self.course.plan.steps.iter().find(is_left_out);
        step.map(|step| step.id.clone())
    }

    pub(super) fn judge_the_end(&mut self) {
        if !self.is_over() {
            return self.fail("the plan was never applied to its end");
        }
        if let Some(lock) = &self.hosts[&self.course.plan.lock_host].lock {
            let run = lock.run.clone();
            if run.as_str().starts_with(SIBLING) {
                return;
            }
            let left = |at: &Runner| at.run == run && (at.dead || at.left_lock);
            if self.runners.iter().any(left) {
                return;
            }
            return self.fail(format!("run {run} holds the lock after the end"));
        }
        if !self.is_superseded() {
            self.judge_facts();
        }
    }

    /// What the hosts show is what an undisturbed run leaves.
    pub(super) fn judge_facts(&mut self) {
        if let Some(served) = self.course.served.clone() {
            return self.judge_served(&served);
        }
        if self.course.source.is_some() {
            return self.judge_settled(self.at);
        }
        for (name, initial) in &self.course.initial {
            let is_here = |step: &&Step| step.host.as_ref() == Some(name);
            let all: Vec<&Step> = self.course.plan.steps.iter().filter(is_here).collect();
            let expected = effects(&all, initial);
            let mut tolerated = self.course.truth.tolerated(&self.course.plan);
            tolerated.retain(is_here);
            let mut facts = effects(&tolerated, &self.hosts[name].facts);
            facts.serial = expected.serial.clone();
            facts.finished = expected.finished.clone();
            if facts != expected {
                return self.fail(format!("{name} ends as {facts:?}\nnot as {expected:?}"));
            }
        }
        if !self.course.pushed {
            self.fail("finished without a push");
        }
    }
}
