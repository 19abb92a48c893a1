//! What is recorded on the hosts for others than this run: how steps of this machine ended, and the audit logs.

use super::event::Action;
use super::model::{Ask, Link, State};
use super::step::StepState;
use crate::name::StepId;
use crate::plan::shape::StepIndex;
use crate::record::{Attempt, AttemptState, Ending};

impl State {
    /// Has the lock host note how an attempt at a step of this machine ended: the audit log is made of what is recorded there. Nothing
    /// waits for it, and if the lock host is gone, nobody learns of it.
    pub(super) fn note(&mut self, step: StepIndex, attempt: u32, ending: Ending) {
        if !self.hosts[self.lock_host].is_gone() {
            self.notes.insert((step, attempt), ending);
            self.ask(self.lock_host, Ask::Note { step, attempt });
        }
    }

    /// Returns the attempt whose receipt says that a local step succeeded with this value: one that is there, else a new one.
    pub(super) fn record_number(&self, step: StepIndex, value: Option<&str>) -> u32 {
        let hash = self.plan[step].id.hash();
        let listed = self.evidence.attempts.get(&self.plan.lock_host);
        let own = listed
            .into_iter()
            .flatten()
            .filter(|attempt| attempt.step == hash);
        let says = |attempt: &Attempt| {
            matches!(&attempt.state, AttemptState::Ended(receipt)
                if receipt.ending == Ending::Succeeded && receipt.value.as_deref() == value)
        };
        let mut last = 0;
        for attempt in own {
            if says(attempt) {
                return attempt.number;
            }
            last = last.max(attempt.number);
        }
        last.saturating_add(1)
    }

    /// Whether all that was to be noted is, or never will be.
    pub(super) fn is_noted(&self) -> bool {
        let asks = &self.hosts[self.lock_host].asks;
        !asks.keys().any(|ask| matches!(ask, Ask::Note { .. }))
    }

    pub(super) fn on_recorded(&mut self, id: &StepId, attempt: u32, ending: Option<Ending>) {
        let Some(step) = self.shape.index(id) else {
            return;
        };
        if ending.is_some() && ending == self.notes.get(&(step, attempt)).copied() {
            self.notes.remove(&(step, attempt));
            self.answered(self.lock_host, Ask::Note { step, attempt });
            return;
        }
        if !self.answered(self.lock_host, Ask::Record { step }) {
            return;
        }
        if self.steps[step].state == StepState::ClaimsHere {
            // The answer may be an old one, that a machine which was asleep finds when it wakes up.
            self.steps[step].state = StepState::ClaimedHere;
            self.steps[step].handed_over = true;
            self.local_ready.insert(step);
        } else if let StepState::Recording { status, .. } = &self.steps[step].state {
            self.succeed(step, status.clone());
        }
    }

    /// Has the hosts that this run has fenced, and whose plan it did not finish, bring their audit logs up to date. Others are away: the
    /// next run that comes there does so.
    pub(super) fn write_audit(&mut self) {
        let hosts = self.hosts.iter();
        let unfinished = hosts
            .filter(|host| host.fenced && !host.finished && host.link == Link::Up)
            .map(|host| host.name.clone());
        let unfinished: Vec<_> = unfinished.collect();
        if !unfinished.is_empty() {
            self.act(Action::Audit(unfinished));
        }
    }
}
