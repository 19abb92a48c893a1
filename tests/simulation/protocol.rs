//! The hosts' side of the protocol, and this machine's: what requests do when they arrive, at which pace, and what may go wrong.

use mrsk::apply::state::{Action, Event, Outcome};
use mrsk::name::{HostName, StepId};
use mrsk::plan::StepKind;
use mrsk::record::{AttemptState, Ending, PollAttempt, Receipt, WhenStopping};

use super::coverage::request;
use super::host::Record;
use super::world::{Item, Known, Mutant, PRINTED_SECRET, RunnerIndex, Script, Stage, World};

impl World {
    /// A request arrives at a host, or finds it away, or its connection broken.
    pub(super) fn arrive(
        &mut self,
        runner: RunnerIndex,
        link: u64,
        host: &HostName,
        action: Action,
    ) {
        self.under_way = (request(&action), String::new());
        self.hazard(runner, host);
        let current = self.runners[runner].links.get(host);
        let alive = current.is_some_and(|current| current.id == link && current.alive);
        if !self.hosts[host].up {
            let opens = matches!(
                action,
                Action::Reconnect { .. }
                    | Action::TakeLock
                    | Action::Others(..)
                    | Action::Inspect { .. }
            );
            if alive && opens {
                return self.refuse_link(runner, link, host);
            }
            return self.lose_link(runner, host);
        }
        if !alive {
            return self.arrive_late(runner, link, host, action);
        }
        self.serve(runner, link, host, action);
    }

    pub(super) fn refuse_link(&mut self, runner: RunnerIndex, link: u64, host: &HostName) {
        if let Some(current) = self.runners[runner].links.get_mut(host) {
            current.alive = false;
        }
        let message = "connection refused".to_owned();
        let host = host.clone();
        let event = Event::Unreachable(host.clone(), message);
        let delay = self.latency();
        self.after(
            delay,
            Item::ToRunner {
                runner,
                link: Some((host, link)),
                event,
            },
        );
    }

    /// What was sent before the connection broke may still be carried out, even much later; nobody hears of it.
    pub(super) fn arrive_late(
        &mut self,
        runner: RunnerIndex,
        link: u64,
        host: &HostName,
        action: Action,
    ) {
        match self.rng.range(0, 3) {
            0 => {}
            1 if matches!(
                action,
                Action::Start { .. }
                    | Action::Others(..)
                    | Action::Fence { .. }
                    | Action::Halt(_)
                    | Action::Record { .. }
                    | Action::Finish { .. }
            ) && !self.is_calm() =>
            {
                let delay = self.rng.range(1_000, 150_000);
                self.after(
                    delay,
                    Item::ToHost {
                        runner,
                        link,
                        host: host.clone(),
                        action,
                    },
                );
            }
            _ => self.serve(runner, link, host, action),
        }
    }

    pub(super) fn serve(
        &mut self,
        runner: RunnerIndex,
        link: u64,
        host: &HostName,
        action: Action,
    ) {
        if self.liar.as_ref() == Some(host) {
            return self.lie(runner, link, host, action);
        }
        // The lock is kept and released in the place that it has.
        let writes = matches!(
            action,
            Action::TakeLock
                | Action::Fence { .. }
                | Action::Halt(_)
                | Action::Record { .. }
                | Action::Finish(_)
                | Action::Start { .. }
        );
        if writes && self.is_full(host) {
            return self.answer_full(runner, link, host);
        }
        if let Action::Others(_, end) = &action {
            self.end_strangers(host, end);
            let event = Event::Others(host.clone(), self.living(host));
            return self.answer(runner, host, link, event);
        }
        let run = self.runners[runner].run.clone();
        let now = self.now;
        let mutant = self.mutant;
        let digest = self.course.plan.digest.clone();
        let Some(sim) = self.hosts.get_mut(host) else {
            return self.fail(format!("a request for the unknown host {host}"));
        };
        let at = self.at;
        let fenced_off = sim.fence.as_ref() != Some(&run);
        let event = match action {
            Action::TakeLock => Event::Lock(sim.take_lock(&run, now)),
            Action::Beat => {
                let held = sim.beat(&run, now) || mutant == Mutant::BeatLies;
                match sim.note(&run) {
                    Some(request) => Event::StopRequested(request),
                    None => Event::Beaten { held },
                }
            }
            Action::Release => {
                sim.release(&run);
                Event::Released
            }
            Action::Inspect { .. } => return self.inspect(runner, link, host),
            Action::Fence { seen, .. } => self.fence(host, &run, &seen),
            Action::List { .. } => Event::Listed(host.clone(), sim.listing(at, mutant)),
            Action::Reconnect { .. } => {
                return self.answer(runner, host, link, Event::Reconnected(host.clone()));
            }
            Action::Record { .. } | Action::Finish { .. } | Action::Halt(_) if fenced_off => {
                Event::Refused(host.clone())
            }
            Action::Record {
                step,
                attempt,
                ending,
                value,
                ..
            } => {
                let kept = ending.filter(|_| mutant != Mutant::EndsForgotten);
                let receipt = kept.map(|ending| Receipt {
                    value: value.clone(),
                    ..sim.receipt(&run, ending, now)
                });
                if matches!(ending, None | Some(Ending::Succeeded)) {
                    sim.of_mut(at).values.insert(step.clone(), value);
                } else {
                    self.course.told.remove(&step);
                }
                let record = sim
                    .of_mut(at)
                    .records
                    .entry((step.clone(), attempt))
                    .or_default();
                record.claimed = now;
                record.by_check = self.course.plan[self.course.index[&step]].check.is_some();
                record.receipt = record.receipt.take().or(receipt);
                Event::Recorded(step, attempt, ending)
            }
            Action::Halt(_) => {
                sim.stopping.insert(run);
                Event::Halted(host.clone())
            }
            Action::Finish { .. } => {
                sim.facts.finished.insert(digest);
                sim.of_mut(at).write_audit();
                Event::Finished(host.clone())
            }
            Action::Start(_, steps) => {
                let boot = sim.boot;
                let script = Script {
                    runner,
                    link,
                    host: host.clone(),
                    boot,
                    run,
                    steps,
                    at: 0,
                };
                return self.script(script, Stage::Claim);
            }
            Action::Attach(_, step, attempt) => {
                return self.attach(runner, link, host, step, attempt);
            }
            other => return self.fail(format!("an unexpected request: {other:?}")),
        };
        self.answer(runner, host, link, event);
        self.hazard(runner, host);
    }

    pub(super) fn inspect(&mut self, runner: RunnerIndex, link: u64, host: &HostName) {
        let (now, mutant) = (self.now, self.mutant);
        let sim = &self.hosts[host];
        let silent = sim.is_silent(now);
        let own = sim.listing(self.at, mutant);
        let event = Event::Inspected(host.clone(), Box::new(sim.look(now)), own);
        if silent {
            self.runners[runner].saw_silence = true;
            for step in &self.course.plan.steps {
                if step.host.as_ref() == Some(host) {
                    self.course.excused.insert(step.id.clone());
                }
            }
        }
        self.answer(runner, host, link, event);
    }

    pub(super) fn attach(
        &mut self,
        runner: RunnerIndex,
        link: u64,
        host: &HostName,
        step: StepId,
        attempt: u32,
    ) {
        let state = self.hosts[host]
            .of(self.at)
            .show(&step, attempt, self.mutant);
        let impatient = self.rng.chance(50);
        if state == AttemptState::Running && !impatient {
            let host = host.clone();
            return self.after(
                400,
                Item::AttachPoll {
                    runner,
                    link,
                    host,
                    step,
                    attempt,
                },
            );
        }
        let event = Event::Attached(host.clone(), step, attempt, state);
        self.answer(runner, host, link, event);
    }

    /// One stage of a batch on its host.
    pub(super) fn script(&mut self, mut script: Script, stage: Stage) {
        let step = &script.steps[script.at].step;
        self.under_way = (stage.name(), self.plan_step(step).kind.name());
        self.hazard(script.runner, &script.host.clone());
        let Some(sim) = self.hosts.get(&script.host) else {
            return;
        };
        if !sim.up || sim.boot != script.boot {
            return;
        }
        let start = script.steps[script.at].clone();
        let key = (start.step.clone(), start.attempt);
        if stage != Stage::Claim && self.is_ended(&script, &key, stage) {
            return;
        }
        let sim = &self.hosts[&script.host];
        match stage {
            Stage::Claim => {
                let taken =
                    sim.of(self.at).records.contains_key(&key) && self.mutant != Mutant::ClaimsOff;
                let (step, attempt) = key.clone();
                if taken {
                    let event = Event::AlreadyClaimed(script.host.clone(), step, attempt);
                    return self.answer(script.runner, &script.host, script.link, event);
                }
                if self.is_full(&script.host) {
                    return self.answer_full(script.runner, script.link, &script.host);
                }
                let record = Record {
                    alive: true,
                    claimed: self.now,
                    ..Record::default()
                };
                if let Some(sim) = self.hosts.get_mut(&script.host) {
                    sim.of_mut(self.at).records.insert(key, record);
                }
                let event = Event::Claimed(script.host.clone(), step, attempt);
                self.answer(script.runner, &script.host, script.link, event);
                let delay = match self.rng.chance(50) {
                    true => self.rng.range(100, 20_000),
                    false => self.rng.range(1, 30),
                };
                let stage = Stage::Fence;
                self.after(delay, Item::Script { script, stage });
            }
            Stage::Fence => self.read_fence(script, &start.step),
            Stage::Effect { ending, half } => {
                let ends = start.when_stopping == WhenStopping::End && sim.is_stopping();
                let ending = match ends && self.mutant != Mutant::HaltIgnored {
                    true => Ending::Stopped,
                    false => ending,
                };
                if ending == Ending::Succeeded {
                    self.take_effect(&script.host, &start.step);
                } else if start.cleanup && self.may_undo(&script) && self.rng.chance(500) {
                    self.clean_up(&start.step);
                }
                let stage = Stage::Receipt { ending };
                self.after(half, Item::Script { script, stage });
            }
            Stage::Part { at, pause, fails } => self.part(script, (at, pause), fails),
            Stage::Undo { at, ending } => self.undo(script, at, ending),
            Stage::Receipt { mut ending } => {
                let has_failed = start.cleanup && ending != Ending::Succeeded;
                if has_failed && self.course.source.is_none() {
                    match self.may_undo(&script) {
                        true => self.clean_up(&start.step),
                        false => ending = Ending::Uncleaned { code: 1 },
                    }
                }
                self.course
                    .truth
                    .stop_running(self.course.index[&start.step]);
                let goes_on = ending == Ending::Succeeded && !self.is_full(&script.host);
                self.leave_receipt(&script, ending);
                if goes_on && script.at + 1 < script.steps.len() {
                    script.at += 1;
                    let stage = Stage::Claim;
                    self.after(1, Item::Script { script, stage });
                }
            }
        }
    }

    pub(super) fn leave_receipt(&mut self, script: &Script, ending: Ending) {
        let start = &script.steps[script.at];
        let now = self.now;
        let is_full = self.is_full(&script.host);
        let Some(sim) = self.hosts.get_mut(&script.host) else {
            return;
        };
        let receipt = sim.receipt(&script.run, ending, now);
        let key = (start.step.clone(), start.attempt);
        let record = sim.of_mut(self.at).records.entry(key).or_default();
        *record = Record {
            claimed: record.claimed,
            receipt: (!is_full).then(|| receipt.clone()),
            ..Record::default()
        };
        if is_full {
            return self.answer_full(script.runner, script.link, &script.host);
        }
        let event = Event::Ended {
            host: script.host.clone(),
            step: start.step.clone(),
            attempt: start.attempt,
            receipt,
            diagnosis: PRINTED_SECRET.to_owned(),
        };
        self.answer(script.runner, &script.host, script.link, event);
    }

    /// After the claim the fence decides; then the command begins.
    pub(super) fn read_fence(&mut self, script: Script, id: &StepId) {
        let fence = self.hosts[&script.host].fence.clone();
        let foreign = fence.as_ref() != Some(&script.run);
        if foreign && self.mutant != Mutant::FenceOff {
            return self.leave_receipt(&script, Ending::Refused);
        }
        let what = script.steps[script.at].when_stopping;
        let is_stopping = self.hosts[&script.host].is_stopping() && what != WhenStopping::Begin;
        if is_stopping && self.mutant != Mutant::HaltIgnored {
            if what == WhenStopping::Refuse {
                return self.leave_receipt(&script, Ending::Refused);
            }
            if script.steps[script.at].cleanup && self.course.source.is_some() {
                self.course.truth.start_running(self.course.index[id]);
                return self.undo(script, 0, Ending::Stopped);
            }
            if script.steps[script.at].cleanup {
                self.clean_up(id);
            }
            return self.leave_receipt(&script, Ending::Stopped);
        }
        self.note(format!("{id} begins for run {}", script.run));
        if foreign {
            return self.fail(format!("{id} begins for a run that was fenced off"));
        }
        if self.is_beside_another(&script.host) {
            return self.fail(format!("{id} begins beside a step of another plan"));
        }
        if is_stopping {
            return self.fail(format!(
                "{id} begins though its host knows that the run stops"
            ));
        }
        let at = &self.runners[script.runner];
        let left = matches!(&at.exited, Some(Outcome::Interrupted(steps) | Outcome::StopRequested(_, steps)) if steps.is_empty());
        let link = at.links.get(&script.host);
        let heard = link.is_some_and(|link| link.alive && link.known == Known::Open);
        if left && heard && self.hosts[&script.host].stopping.contains(&script.run) {
            return self.fail(format!("{id} begins though its run has ended"));
        }
        let step = self.course.index[id];
        let plan = self.course.plan.clone();
        let pushed = match self.lies_about_the_lock() {
            true => self.course.pushed,
            false => self.is_recorded(),
        };
        if self.course.source.is_some() {
            self.note_there(&script.host);
        }
        let unmet = self
            .course
            .truth
            .unmet(&plan, &|id| self.course.index[id], step, pushed);
        if let Some(need) = unmet {
            return self.fail(format!("{id} begins before {need} has ended"));
        }
        if self.course.truth.is_running(step) {
            return self.fail(format!("{id} begins while it runs"));
        }
        self.course.truth.start_running(step);
        let attempt = script.steps[script.at].attempt;
        if let Some(record) = self
            .hosts
            .get_mut(&script.host)
            .and_then(|sim| sim.of_mut(self.at).records.get_mut(&(id.clone(), attempt)))
        {
            record.commanding = true;
        }
        let fails = !self.is_calm() && self.rng.chance(self.failure_rate);
        let ending = match (fails, self.rng.chance(500)) {
            (false, _) => Ending::Succeeded,
            (true, true) => Ending::Failed { code: 1 },
            (true, false) => Ending::TimedOut,
        };
        let long = match self.rng.chance(60) {
            true => self.rng.range(20_000, 90_000),
            false => self.rng.range(100, 6_000),
        };
        if self.rng.chance(100) {
            let poll = PollAttempt {
                attempt: 1,
                of: 7,
                status: PRINTED_SECRET.to_owned(),
            };
            let event = Event::PollAttempt(script.host.clone(), id.clone(), poll);
            self.answer(script.runner, &script.host, script.link, event);
        }
        if self.course.source.is_some() {
            let parts = self.plan_step(id).action.len() as u64;
            let fails = (ending != Ending::Succeeded).then(|| {
                let at = self.rng.range(0, parts - 1) as usize;
                (at, ending)
            });
            let pause = long / parts;
            let stage = Stage::Part {
                at: 0,
                pause,
                fails,
            };
            return self.after(pause, Item::Script { script, stage });
        }
        let half = self.rng.range(1, long);
        let stage = Stage::Effect { ending, half };
        self.after(long - half, Item::Script { script, stage });
    }

    pub(super) fn is_recorded(&self) -> bool {
        let lock_host = &self.hosts[&self.course.plan.lock_host];
        lock_host
            .of(self.at)
            .values
            .keys()
            .any(|step| self.plan_step(step).kind == StepKind::Push)
    }
}
