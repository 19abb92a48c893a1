//! The lock's beats, stopping, and the end of a run.

use super::event::{Action, AtEnd};
use super::model::{Ask, BEAT_SECONDS, Link, SUSPEND_SECONDS, State, Timer};
use super::progress::{GoneReason, JournalEntry, Outcome, Phase, Progress, StepStatus, StopReason};
use super::step::{HostIndex, StepState};
use crate::name::HostName;

impl State {
    pub(super) fn schedule_beat(&mut self) {
        self.timers
            .retain(|(_, timer)| !matches!(timer, Timer::Beat | Timer::Suspend));
        self.set_timer(self.now.plus_seconds(BEAT_SECONDS), Timer::Beat);
        if !self.lock.suspended {
            let at = self.lock.confirmed.plus_seconds(SUSPEND_SECONDS);
            self.set_timer(at.max(self.now), Timer::Suspend);
        }
    }

    pub(super) fn beat(&mut self) {
        if self.lock.held && !matches!(self.phase, Phase::Releasing | Phase::Exited) {
            self.ask(self.lock_host, Ask::Beat);
            self.schedule_beat();
        }
    }

    pub(super) fn suspend(&mut self) {
        let silent = self.now.since(self.lock.confirmed) >= SUSPEND_SECONDS * 1000;
        if self.lock.held && silent && !self.lock.suspended {
            self.lock.suspended = true;
            self.report(Progress::Suspended);
        }
    }

    /// Returns whether a beat was waited for.
    fn beat_answered(&mut self) -> bool {
        self.answered(self.lock_host, Ask::Beat)
            && !matches!(self.phase, Phase::Releasing | Phase::Exited)
    }

    pub(super) fn on_lock_lost(&mut self, reason: StopReason) {
        if self.beat_answered() {
            self.lock.held = false;
            self.lose_lock(reason);
        }
    }

    pub(super) fn on_beaten(&mut self) {
        if !self.beat_answered() {
            return;
        }
        self.lock.confirmed = self.lock.sent;
        let recent = self.now.since(self.lock.confirmed) < SUSPEND_SECONDS * 1000;
        if recent && !self.lock.stale {
            self.give_up_refusing("but the deploy lock is still held");
        }
        if self.lock.suspended && recent && self.refusing.is_empty() {
            self.lock.suspended = false;
            self.report(Progress::Resumed);
            self.startable.extend(self.hosts.indices());
            self.emit_held_back();
        }
        self.schedule_beat();
        if std::mem::take(&mut self.lock.stale) || !recent {
            self.beat();
        } else {
            self.confirmed();
        }
    }

    /// Nothing starts any more but what finishes a switch that has begun.
    pub(super) fn stop_at_safe_points(&mut self, reason: StopReason) {
        if self.stop.is_none() {
            self.note_stop(reason);
        }
    }

    /// The lock or a fence is not this run's any more. The run ends at once: what runs goes on without it.
    pub(super) fn lose_lock(&mut self, reason: StopReason) {
        self.outcome = Some(match &reason {
            StopReason::LockReleased(person) => Outcome::LockReleased(person.clone()),
            _ => Outcome::LockLost,
        });
        self.report(Progress::Stopping(reason.clone()));
        self.stop = Some(reason);
        self.release();
    }

    /// Nothing starts any more.
    pub(super) fn stop_now(&mut self, reason: StopReason) {
        if self.phase != Phase::Walking {
            if let StopReason::JournalFailed(message) = reason {
                self.conclude(Outcome::JournalFailed(message));
            }
            return;
        }
        if self.stop.as_ref().is_none_or(|earlier| *earlier < reason) {
            self.note_stop(reason);
        }
    }

    fn note_stop(&mut self, reason: StopReason) {
        self.report(Progress::Stopping(reason.clone()));
        self.stop = Some(reason);
        self.startable.extend(self.hosts.indices());
        let waiting = self.timers.iter().filter_map(|(_, timer)| match timer {
            Timer::Barrier { step } => Some(*step),
            _ => None,
        });
        self.barriers_due.extend(waiting);
        self.timers
            .retain(|(_, timer)| !matches!(timer, Timer::Barrier { .. }));
    }

    /// Every step has ended: either the plan is finished everywhere, or the run ends as it stands.
    pub(super) fn end_walk(&mut self) {
        let mut failed = Vec::new();
        let mut in_doubt = Vec::new();
        let mut complete = true;
        for (step, run) in self.steps.iter_enumerated() {
            let StepState::Ended(status) = &run.state else {
                continue;
            };
            match status {
                StepStatus::Succeeded | StepStatus::AlreadyDone | StepStatus::Tolerated { .. } => {}
                // Whether it failed is not known, and would not matter.
                StepStatus::InDoubt if self.plan[step].has_final_doubt() => {}
                StepStatus::InDoubt => {
                    complete = false;
                    in_doubt.push(self.id(step));
                }
                StepStatus::Failed { .. } | StepStatus::Lost => {
                    complete = false;
                    failed.push(self.id(step));
                }
                StepStatus::Skipped { .. } | StepStatus::Stopped | StepStatus::Open => {
                    complete = false;
                }
            }
        }
        let doubt = (!in_doubt.is_empty()).then(|| Outcome::InDoubt(in_doubt.clone()));
        if complete {
            return self.enter(Phase::Finishing);
        }
        let outcome = match &self.stop {
            Some(StopReason::Interrupted) => Outcome::Interrupted(in_doubt),
            Some(StopReason::Requested(request)) => {
                Outcome::StopRequested(request.clone(), in_doubt)
            }
            Some(StopReason::JournalFailed(message)) => Outcome::JournalFailed(message.clone()),
            Some(StopReason::LockLost) => Outcome::LockLost,
            Some(StopReason::LockReleased(person)) => Outcome::LockReleased(person.clone()),
            None
            | Some(
                StopReason::Failure { .. } | StopReason::HostGone { .. } | StopReason::LockHostGone,
            ) => doubt.unwrap_or(Outcome::Failed(failed)),
        };
        self.conclude(outcome);
    }

    pub(super) fn on_finished(&mut self, host: &HostName) {
        let Some(host) = self.host(host) else { return };
        if self.answered(host, Ask::Finish) {
            self.hosts[host].finished = true;
            self.finish_if_answered();
        }
    }

    pub(super) fn finish_if_answered(&mut self) {
        if self.is_open(Ask::Finish) {
            return;
        }
        if self.hosts.iter().all(|host| host.finished) {
            self.conclude(Outcome::Done);
        } else {
            self.conclude(Outcome::Failed(Vec::new()));
        }
    }

    /// What this run records here was refused. An answer to a question that is no longer open changes nothing.
    pub(super) fn on_refused(&mut self, host: &HostName) {
        let writes = |ask: &Ask| {
            matches!(
                ask,
                Ask::Record { .. } | Ask::Note { .. } | Ask::Finish | Ask::Halt
            )
        };
        if let Some(host) = self.host(host)
            && self.hosts[host].asks.keys().any(writes)
        {
            self.doubt_fence(host);
        }
    }

    /// Decides how the run ends. What was decided first stands.
    pub(super) fn conclude(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    /// Records completion, and exits once nothing is being written any more.
    pub(super) fn pump_closing(&mut self) {
        if self.phase == Phase::Finishing && self.hosts[self.lock_host].is_gone() {
            self.conclude(Outcome::Failed(Vec::new()));
        }
        if self.phase == Phase::Finishing
            && self.outcome.is_none()
            && !self.finish_asked
            && !self.lock.suspended
            && self.is_noted()
        {
            self.finish_asked = true;
            for host in self.hosts.indices() {
                let is_recorded = host == self.lock_host && self.has_run_here();
                if !self.hosts[host].finished || is_recorded {
                    self.ask(host, Ask::Finish);
                }
            }
            self.finish_if_answered();
        }
        if self.outcome.is_none() || matches!(self.phase, Phase::Releasing | Phase::Exited) {
            return;
        }
        let writing = self.hosts.indices().any(|host| self.is_writing(host));
        if !writing {
            self.release();
        }
    }

    /// Whether a step of this machine was begun: the audit log of the lock host tells of it, also if the plan is finished there.
    fn has_run_here(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| step.host.is_none() && step.started.is_some())
    }

    /// Returns whether a host may be changing something that it was asked to change.
    fn is_writing(&self, index: HostIndex) -> bool {
        let host = &self.hosts[index];
        let for_ever = self.lock.suspended && self.hosts[self.lock_host].is_gone();
        host.asks.keys().any(|ask| {
            let writes = match ask {
                Ask::Lock | Ask::Fence | Ask::Record { .. } | Ask::Note { .. } | Ask::Finish => {
                    true
                }
                Ask::Others => !self.to_end(index).is_empty(),
                _ => false,
            };
            let held_back = for_ever && ask.needs_lock();
            writes && (host.link == Link::Up || *ask == Ask::Lock) && !held_back
        })
    }

    /// Has the audit logs written, releases the lock whenever its host answers, and leaves.
    fn release(&mut self) {
        self.write_audit();
        let Link::Gone { reason, .. } = self.hosts[self.lock_host].link else {
            return self.ask_for_release();
        };
        match reason {
            GoneReason::Unreachable => self.exit(),
            GoneReason::Failed if !self.lock.held => self.exit(),
            GoneReason::Failed => {
                self.reopen(self.lock_host);
                self.ask_for_release();
            }
        }
    }

    fn ask_for_release(&mut self) {
        if !self.lock.held {
            return self.exit();
        }
        self.enter(Phase::Releasing);
        for host in self.hosts.indices() {
            self.drop_asks(host);
        }
        self.timers
            .retain(|(_, timer)| matches!(timer, Timer::Reconnect { .. }));
        self.ask(self.lock_host, Ask::Release);
    }

    pub(super) fn on_released(&mut self) {
        if self.answered(self.lock_host, Ask::Release) {
            self.lock.held = false;
            self.exit();
        }
    }

    /// Returns how the lock is given away: it becomes a person's if it was one's before, or if something came of this run and the
    /// options say so.
    pub(super) fn giving_away(&self) -> Action {
        let was_applied = matches!(self.outcome, Some(Outcome::AlreadyApplied(_)));
        let came_to_something = self.has_walked || was_applied;
        match (&self.options.at_end, &self.lock.of_person) {
            (AtEnd::Hold, _) if came_to_something => Action::Leave(None),
            (_, Some(person)) => Action::Leave(Some(person.clone())),
            _ => Action::Release,
        }
    }

    pub(super) fn on_left(&mut self) {
        if self.answered(self.lock_host, Ask::Release) {
            self.lock.held = false;
            self.report(Progress::LockLeft);
            self.exit();
        }
    }

    /// Leaves at once.
    pub(super) fn exit(&mut self) {
        let outcome = self
            .outcome
            .clone()
            .unwrap_or(Outcome::Failed(self.under_way()));
        if !matches!(outcome, Outcome::JournalFailed { .. }) {
            self.journal(JournalEntry::Exited {
                run: self.options.run.clone(),
                code: outcome.exit_code().code(),
            });
        }
        self.report(Progress::Phase(Phase::Exited));
        self.act(Action::Exit(outcome));
        self.phase = Phase::Exited;
        self.timers.clear();
    }
}
