//! Attempts at steps of compiled plans, part by part, and what ends attempts of any plan before their end.

use mrsk::name::{HostName, StepId};
use mrsk::record::{Ending, WhenStopping};

use super::items::{Item, Mutant, Script, Stage};
use super::world::World;

impl World {
    /// Whether an attempt goes no further: another plan has ended it, or its script is dead and what that had started is done.
    pub(super) fn is_ended(&mut self, script: &Script, key: &(StepId, u32), stage: Stage) -> bool {
        if self.mutant == Mutant::ClaimsOff {
            return false;
        }
        let Some(record) = self.hosts[&script.host].of(self.at).records.get(key) else {
            return false;
        };
        if !record.alive {
            return true;
        }
        if !record.is_orphan {
            return false;
        }
        let step = key.0.clone();
        match stage {
            Stage::Effect {
                ending: Ending::Succeeded,
                ..
            } => {
                self.take_effect(&script.host, &step);
            }
            Stage::Part { at, fails, .. } if fails.is_none_or(|(part, _)| part != at) => {
                let entry = self.plan_step(&step).clone();
                let _ = self.do_part(&script.host, &entry, at);
            }
            Stage::Undo { at, .. } => {
                let entry = self.plan_step(&step).clone();
                if at < entry.cleanup.len() {
                    self.undo_part(&script.host, &entry, at);
                }
            }
            _ => {}
        }
        self.end_attempt(&script.host, key);
        true
    }

    /// Nothing of an attempt is alive any more.
    pub(super) fn end_attempt(&mut self, host: &HostName, key: &(StepId, u32)) {
        let Some(sim) = self.hosts.get_mut(host) else {
            return;
        };
        if let Some(record) = sim.of_mut(self.at).records.get_mut(key)
            && std::mem::take(&mut record.alive)
            && std::mem::take(&mut record.commanding)
        {
            self.course.truth.stop_running(self.course.index[&key.0]);
        }
    }

    /// Whether the plan that acts may still undo something on a host: a run of it was the last there.
    pub(super) fn may_undo(&self, script: &Script) -> bool {
        let fence = self.hosts[&script.host].fence.as_ref();
        let runs = self.runners.iter().filter(|at| at.plan == self.at);
        fence.is_some_and(|fence| runs.into_iter().any(|at| at.run == *fence))
    }

    /// A part of a step; then the next one, or what follows a failure.
    pub(super) fn part(
        &mut self,
        script: Script,
        (at, pause): (usize, u64),
        fails: Option<(usize, Ending)>,
    ) {
        let start = script.steps[script.at].clone();
        let step = self.plan_step(&start.step).clone();
        let ends = start.when_stopping == WhenStopping::End
            && self.hosts[&script.host].is_stopping()
            && self.mutant != Mutant::HaltIgnored;
        let ending = match fails {
            _ if ends => Some(Ending::Stopped),
            Some((part, ending)) if part == at => Some(ending),
            _ => match self.do_part(&script.host, &step, at) {
                Ok(()) => None,
                Err(_) => Some(Ending::Failed { code: 1 }),
            },
        };
        if let Some(ending) = ending {
            self.course.truth.fail(self.course.index[&start.step]);
            return self.undo(script, 0, ending);
        }
        let stage = match at + 1 == step.action.len() {
            true => Stage::Receipt {
                ending: Ending::Succeeded,
            },
            false => Stage::Part {
                at: at + 1,
                pause,
                fails,
            },
        };
        self.after(pause.max(1), Item::Script { script, stage });
    }

    /// A part of a cleanup; then the next one, or the receipt.
    pub(super) fn undo(&mut self, script: Script, at: usize, ending: Ending) {
        let start = script.steps[script.at].clone();
        let step = self.plan_step(&start.step).clone();
        let (host, key) = (script.host.clone(), (start.step.clone(), start.attempt));
        let plan = self.at;
        if let Some(sim) = self.hosts.get_mut(&host)
            && let Some(record) = sim.of_mut(plan).records.get_mut(&key)
        {
            record.undoing = true;
            record.commanding = true;
        }
        if at == 0 && !step.cleanup.is_empty() && start.cleanup && !self.may_undo(&script) {
            let ending = Ending::Uncleaned { code: 1 };
            let stage = Stage::Receipt { ending };
            return self.after(1, Item::Script { script, stage });
        }
        if at >= step.cleanup.len() || !start.cleanup {
            let stage = Stage::Receipt { ending };
            return self.after(1, Item::Script { script, stage });
        }
        self.undo_part(&host, &step, at);
        let pause = self.rng.range(10, 3_000);
        let stage = Stage::Undo { at: at + 1, ending };
        self.after(pause, Item::Script { script, stage });
    }

    /// A script dies, and its host lives. What it has started dies with it, or comes to its own end.
    pub(super) fn kill_script(&mut self, host: &HostName) {
        let Some(sim) = self.hosts.get(host) else {
            return;
        };
        let records = sim.of(self.at).records.iter();
        let alive: Vec<(StepId, u32)> = records
            .filter(|(_, record)| record.alive && !record.is_orphan)
            .map(|(key, _)| key.clone())
            .collect();
        let Some(key) = alive.first().cloned() else {
            return;
        };
        let outlives = self.rng.chance(500);
        self.cover("a script is killed");
        self.note(format!(
            "a script of {key:?} is killed; a child lives: {outlives}"
        ));
        if !outlives {
            self.end_attempt(host, &key);
        } else if let Some(sim) = self.hosts.get_mut(host)
            && let Some(record) = sim.of_mut(self.at).records.get_mut(&key)
        {
            record.is_orphan = true;
        }
        for runner in self.runners.indices() {
            if self.runners[runner].plan == self.at {
                self.lose_link(runner, host);
            }
        }
    }
}
