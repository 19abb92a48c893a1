//! The user stops the run, or a note in its lock does: what waits is ended, what has not begun does not begin, and a switch that has begun is finished.

use super::event::Action;
use super::model::{Ask, State, Timer};
use super::progress::{Outcome, Phase, StepStatus, StopReason};
use super::step::{HostIndex, StepRun, StepState};
use crate::graph::Ended;
use crate::name::{HostName, StepId};
use crate::plan::kinds::WhenLost;
use crate::plan::shape::StepIndex;
use crate::record::StopRequest;

impl State {
    pub(super) fn interrupt(&mut self) {
        self.stop_in_order(StopReason::Interrupted, Outcome::Interrupted(Vec::new()));
    }

    /// Somebody who needs the lock has left a note in it: the run stops as if its own user had asked for it. Each beat reads it again.
    pub(super) fn on_stop_requested(&mut self, request: &StopRequest) {
        if self.hosts[self.lock_host].asks.contains_key(&Ask::Beat) {
            self.stop_in_order(
                StopReason::Requested(request.clone()),
                Outcome::StopRequested(request.clone(), Vec::new()),
            );
        }
        self.on_beaten();
    }

    /// Nothing begins any more but what finishes a switch whose route has begun. Before the first step the run ends with `outcome`.
    fn stop_in_order(&mut self, reason: StopReason, outcome: Outcome) {
        match self.phase {
            Phase::Locking
            | Phase::Settling
            | Phase::Inspecting
            | Phase::Reading
            | Phase::Fencing
            | Phase::Judging => {
                self.conclude(outcome);
            }
            Phase::Walking => {
                self.interrupted = true;
                self.stop_now(reason);
                self.end_pauses();
                self.halt();
            }
            Phase::Finishing | Phase::Releasing | Phase::Exited => {}
        }
    }

    pub(super) fn quit(&mut self) {
        self.outcome = Some(Outcome::Interrupted(self.under_way()));
        self.exit();
    }

    pub(super) fn under_way(&self) -> Vec<StepId> {
        self.steps
            .indices()
            .filter(|step| self.steps[*step].is_under_way())
            .map(|step| self.id(step))
            .collect()
    }

    /// A registry that did not answer is not asked again.
    fn end_pauses(&mut self) {
        let pauses = self.timers.iter().filter_map(|(_, timer)| match timer {
            Timer::CheckAgain { step } => Some(*step),
            _ => None,
        });
        for step in pauses.collect::<Vec<_>>() {
            self.check_again(step);
        }
    }

    /// Tells each host that has something of this run that the run stops, and ends steps of this machine. A step whose effect no check
    /// could tell, such as a broadcast, is waited for, unless it may run again.
    fn halt(&mut self) {
        for host in self.hosts.indices() {
            let has_begun = |step: &StepIndex| self.steps[*step].is_begun();
            if !self.hosts[host].halted && self.hosts[host].steps.iter().any(has_begun) {
                self.ask(host, Ask::Halt);
            }
        }
        for step in self.steps.indices() {
            let can_tell = self.plan[step].check.is_some()
                || self.plan[step].kind.when_lost() == WhenLost::Again;
            if self.steps[step].state == StepState::RunsHere && can_tell {
                let id = self.id(step);
                self.act(Action::StopLocal(id));
            }
        }
    }

    /// A host will begin nothing of what was handed over before but what finishes a switch. What it lists from now on tells what it
    /// has begun.
    pub(super) fn on_halted(&mut self, name: &HostName) {
        let Some(host) = self.host(name) else { return };
        if !self.answered(host, Ask::Halt) {
            return;
        }
        self.hosts[host].halted = true;
        self.startable.insert(host);
        let mut is_unknown = false;
        for at in 0..self.hosts[host].steps.len() {
            let step = self.hosts[host].steps[at];
            let run = &mut self.steps[step];
            let waits = matches!(run.state, StepState::Waiting | StepState::Ready);
            if std::mem::take(&mut run.handed_over) && waits {
                run.state = StepState::Unknown { claimed: false };
                self.hosts[host].ready.remove(&step);
            }
            is_unknown |= matches!(self.steps[step].state, StepState::Unknown { .. });
        }
        if is_unknown {
            self.ask(host, Ask::List);
        }
    }

    /// Returns whether a host was asked to begin nothing further: what it lists, or refuses, may be due to that.
    pub(super) fn is_halting(&self, host: HostIndex) -> bool {
        self.hosts[host].halted || self.hosts[host].asks.contains_key(&Ask::Halt)
    }

    /// Ends a step that was ended before its time, or was not begun, since the run stops.
    pub(super) fn end_stopped(&mut self, step: StepIndex) {
        let status = StepStatus::Stopped;
        self.settle(step, status, Ended::Failure, String::new());
    }
}

impl StepRun {
    /// Returns whether its host may begin it, or has, without a further word.
    fn is_begun(&self) -> bool {
        !self.has_ended() && (self.handed_over || self.is_under_way())
    }
}
