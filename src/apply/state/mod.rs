//! The decisions of a run, without IO: [`State::handle`] takes the time and an event, and returns actions.
//!
//! No clock, no randomness, no async: time comes in with every event, and [`State::deadline`] says when the state wants to be
//! called again. The same events in the same order give the same actions.
//!
//! A run: lock, settle living steps of other plans, inspect every host while holding it, decide, fence every host and list again, confirm the lock, judge
//! what is left (only by the second lists), walk the graph, record completion, release the lock.
//!
//! Questions that change nothing when asked twice (inspect, fence, list, record, beat, finish, release) are kept as
//! `Ask`s per host: when a link breaks they are asked again once it is back. A step is never asked twice: after a loss the host's
//! list decides about it.

mod closing;
mod engine;
mod event;
mod interrupt;
mod link;
mod living;
mod model;
mod opening;
mod progress;
mod pushes;
mod records;
mod serial;
mod settle;
mod step;
mod summary;
mod unjournaled;
mod violation;
mod walk;

pub use event::{Action, AtEnd, Event, Millis, Options, StartStep};
pub use model::State;
pub use progress::{
    GoneReason, JournalEntry, LaterPlan, OtherStep, Outcome, Phase, Progress, SkipReason,
    StepStatus, StopReason,
};
pub use summary::{HostSummary, StepSummary, Summary};

use std::sync::Arc;

use crate::plan::shape::Shape;
use model::Timer;

impl State {
    /// Returns when [`State::handle`] wants an [`Event::Tick`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Millis> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Returns the graph that is walked.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Takes an event, and returns what is to be done. Events that do not fit (late answers) change nothing; nor does any
    /// after [`Action::Exit`].
    pub fn handle(&mut self, now: Millis, event: Event) -> Vec<Action> {
        if self.phase == Phase::Exited {
            return Vec::new();
        }
        self.now = self.now.max(now);
        self.suspend();
        self.dispatch(event);
        self.fire_timers();
        self.pump();
        std::mem::take(&mut self.actions)
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Begin => self.take_lock(),
            Event::BeginLooked(facts) => {
                self.looked = Some(facts);
                self.take_lock();
            }
            Event::Tick => {}
            Event::Interrupt => self.interrupt(),
            Event::Quit => self.quit(),
            Event::Halted(host) => self.on_halted(&host),
            Event::Lock(answer) => self.on_lock(answer),
            Event::Inspected(host, facts, own) => self.on_inspected(&host, &facts, own),
            Event::Unreachable(host, message) => self.on_unreachable(&host, message),
            Event::Others(host, living) => self.on_others(&host, living),
            Event::Fenced(host, own, living) => self.on_fenced(&host, own, living),
            Event::FenceRefused(host, serial) => self.on_fence_refused(host, serial),
            Event::WentOn(host, now) => self.on_went_on(&host, &now),
            Event::Claimed(host, step, attempt) => self.on_claimed(&host, &step, attempt),
            Event::PollAttempt(host, step, poll) => self.on_poll_attempt(&host, step, poll),
            Event::Ended {
                host,
                step,
                attempt,
                receipt,
                diagnosis,
            } => self.on_ended(&host, (&step, attempt), &receipt, diagnosis),
            Event::AlreadyClaimed(host, step, attempt) => {
                self.on_already_claimed(&host, &step, attempt);
            }
            Event::Attached(host, step, attempt, state) => {
                self.on_attached(&host, &step, attempt, state);
            }
            Event::ChannelLost(host, message) => self.on_channel_lost(&host, message),
            Event::HostFailed(host, message) => self.on_host_failed(&host, message),
            Event::Reconnected(host) => self.on_reconnected(&host),
            Event::Listed(host, listing) => self.on_listed(&host, &listing),
            Event::LocalEnded {
                step,
                attempt,
                ending,
                value,
                diagnosis,
            } => self.on_local_ended(&step, attempt, ending, value, diagnosis),
            Event::LocalChecked {
                step,
                answer,
                value,
            } => self.on_local_checked(&step, answer, value),
            Event::SecretsRead => self.on_secrets_read(),
            Event::SecretsUnread(why) => self.on_secrets_unread(why),
            Event::Recorded(step, attempt, ending) => self.on_recorded(&step, attempt, ending),
            Event::Refused(host) => self.on_refused(&host),
            Event::Beaten { held: true } => self.on_beaten(),
            Event::StopRequested(request) => self.on_stop_requested(&request),
            Event::Beaten { held: false } => self.on_lock_lost(StopReason::LockLost),
            Event::LockReleased(person) => self.on_lock_lost(StopReason::LockReleased(person)),
            Event::Finished(host) => self.on_finished(&host),
            Event::Released => self.on_released(),
            Event::Left => self.on_left(),
        }
    }

    fn fire_timers(&mut self) {
        while let Some(&(at, timer)) = self.timers.first() {
            if at > self.now {
                return;
            }
            self.timers.pop_first();
            match timer {
                Timer::RetryLock => self.retry_lock(),
                Timer::Settle => self.settle_again(),
                Timer::Beat => self.beat(),
                Timer::Suspend => self.suspend(),
                Timer::Reconnect { host } => self.reconnect(host),
                Timer::Barrier { step } => self.barriers_due.push(step),
                Timer::Attach { step } => self.make_attachable(step),
                Timer::CheckAgain { step } => self.check_again(step),
                Timer::Engine { host } => self.look_at_engine(host),
            }
        }
    }
}

#[cfg(test)]
mod tests;
