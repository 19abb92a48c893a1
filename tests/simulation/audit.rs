//! The audit logs and the journal: what has ended stands in them once, and nothing starts that they do not know of.

use mrsk::apply::state::Action;
use mrsk::name::HostName;
use mrsk::plan::StepKind;
use mrsk::record::Ending;

use super::host::Kept;
use super::world::{Mutant, RunnerIndex, World};

impl Kept {
    /// Brings the audit log up to date with the receipts.
    pub fn write_audit(&mut self) {
        for (attempt, record) in &self.records {
            if record.receipt.is_some() && !self.audit.contains_key(attempt) {
                *self.audit.entry(attempt.clone()).or_default() += 1;
            }
        }
    }
}

impl World {
    /// Hosts that are reached bring their audit logs up to date.
    pub(super) fn write_audit(&mut self, runner: RunnerIndex, hosts: &[HostName]) {
        let at = self.at;
        for host in hosts {
            let links = &self.runners[runner].links;
            let is_reached = links.get(host).is_some_and(|link| link.alive);
            let is_full = self.is_full(host);
            let run = self.runners[runner].run.clone();
            let Some(sim) = self.hosts.get_mut(host).filter(|sim| sim.up) else {
                continue;
            };
            if is_reached && !is_full && sim.fence == Some(run) {
                sim.of_mut(at).write_audit();
            }
        }
    }

    /// A run has finished the plan: what ended on a host stands in its audit log once, and what this run has seen end of its own
    /// machine in that of the lock host.
    pub(super) fn judge_audit(&mut self, runner: RunnerIndex) {
        let run = &self.runners[runner].run;
        for (name, sim) in &self.hosts {
            let kept = sim.of(self.at);
            for (attempt, record) in &kept.records {
                let lines = kept.audit.get(attempt).copied().unwrap_or(0);
                // What an earlier run sent may still come, and be refused.
                let ended = record.receipt.as_ref().is_some_and(|receipt| {
                    // While this run slept, a later one may have ended a step, and left its line to the next.
                    let is_later = receipt.run > *run;
                    receipt.run == *run || receipt.ending != Ending::Refused && !is_later
                });
                if ended && !record.alive && lines != 1 {
                    let message =
                        format!("{attempt:?} stands {lines} times in the audit of {name}");
                    return self.fail(message);
                }
            }
        }
        let lock_host = &self.hosts[&self.course.plan.lock_host];
        let mut lacking = self.runners[runner].ended_here.iter();
        let lacking = lacking.find(|attempt| !lock_host.of(self.at).audit.contains_key(attempt));
        if let Some((step, attempt)) = lacking {
            self.fail(format!(
                "{step}#{attempt} ended here, and stands in no audit"
            ));
        }
    }

    /// An entry could not be written: what was about to start is taken back. Returns what is to be done.
    pub(super) fn refuse_entry(&mut self, runner: RunnerIndex, rest: Vec<Action>) -> Vec<Action> {
        let now = mrsk::apply::state::Millis(self.clock(runner));
        self.note(format!("the journal of {runner} is full"));
        let message = "disk full".to_owned();
        match self.mutant {
            Mutant::UnjournaledStarts => rest,
            _ => self.runners[runner].state.take_back(now, message, rest),
        }
    }

    /// Nothing starts that the journal does not hold.
    pub(super) fn check_journaled(&mut self, runner: RunnerIndex, action: &Action) {
        let starts: Vec<_> = match action {
            Action::Start(_, steps) => steps
                .iter()
                .map(|start| (start.step.clone(), start.attempt))
                .collect(),
            Action::StartLocal(step, attempt) => vec![(step.clone(), *attempt)],
            _ => return,
        };
        for start in starts {
            if !self.runners[runner].journaled.contains(&start) {
                return self.fail(format!("{start:?} starts unjournaled"));
            }
        }
    }

    /// Notes that a step of this machine has ended, as its runner sees.
    pub(super) fn note_local_end(
        &mut self,
        runner: RunnerIndex,
        attempt: &(mrsk::name::StepId, u32),
    ) {
        if self.plan_step(&attempt.0).kind != StepKind::Barrier {
            self.runners[runner].ended_here.insert(attempt.clone());
        }
    }
}
