//! What a reporter keeps of the events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::words;
use crate::apply::state::{GoneReason, Millis, Phase, Progress, StepStatus, StepSummary};
use crate::name::{HostName, StepId};

/// The least time between two lines about the same poll.
const POLL_LINE_MILLIS: u64 = 10_000;

/// What the events said so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The time of the first event; the others are shown from there.
    began: Option<Millis>,
    /// When the current attempt at a step that has not ended began.
    pub(super) running: BTreeMap<StepId, Millis>,
    /// The steps that are done; those that failed and are tolerated are among them.
    pub(super) done: BTreeSet<StepId>,
    /// What the poll of a running step waits for: `attempt 3/7: 503`.
    pub(super) polls: HashMap<StepId, String>,
    /// When a line last said what the poll of a running step waits for.
    poll_lines: HashMap<StepId, Millis>,
    /// What explains the last failure of a step.
    pub(super) diagnoses: HashMap<StepId, String>,
    /// The hosts that were given up, why, and the error.
    pub(super) gone: BTreeMap<HostName, (GoneReason, String)>,
    /// Whether the lock is being released.
    releasing: bool,
    /// The hosts that were given up meanwhile: if the lock host is among them, the lock stays.
    gone_while_releasing: BTreeSet<HostName>,
    /// Whether the run may have changed something on a host, besides the lock.
    pub(super) has_touched: bool,
    /// The holder of the lock that the run waits for, so that it is shown once.
    holder: Option<String>,
}

impl Tally {
    /// Keeps an event, and returns how long the step that it ends, if any, was running.
    pub(super) fn note(&mut self, at: Millis, event: &Progress) -> Option<u64> {
        self.began.get_or_insert(at);
        match event {
            Progress::StepStarted(step, _) => {
                self.running.insert(step.clone(), at);
            }
            Progress::StepRetried {
                step, diagnosis, ..
            }
            | Progress::StepEnded {
                step, diagnosis, ..
            } => {
                if !diagnosis.is_empty() {
                    self.diagnoses.insert(step.clone(), diagnosis.clone());
                }
                if let Progress::StepEnded { status, .. } = event
                    && is_done(status)
                {
                    self.done.insert(step.clone());
                }
                self.polls.remove(step);
                return self.running.remove(step).map(|start| at.since(start));
            }
            Progress::PollAttempt(step, poll) => {
                let attempt = format!("attempt {}/{}", poll.attempt, poll.of);
                let poll = match words::seen(&poll.status) {
                    status if status.is_empty() => attempt,
                    status => format!("{attempt}: {status}"),
                };
                self.polls.insert(step.clone(), poll);
            }
            Progress::HostGone(host, reason, message) => {
                let why = (*reason, message.clone());
                self.gone.entry(host.clone()).or_insert(why);
                if self.releasing {
                    self.gone_while_releasing.insert(host.clone());
                }
            }
            Progress::Phase(Phase::Releasing) => self.releasing = true,
            Progress::Phase(Phase::Fencing) | Progress::OtherStep { .. } => {
                self.has_touched = true;
            }
            Progress::Phase(_)
            | Progress::LockWaiting { .. }
            | Progress::LockTakenOver(..)
            | Progress::HostLost { .. }
            | Progress::HostBack { .. }
            | Progress::Suspended
            | Progress::Resumed
            | Progress::Stopping(_)
            | Progress::LockLeft => {}
        }
        None
    }

    /// Returns whether a step has begun, be it one of this machine that ran before the lock was taken.
    pub(super) fn has_begun(&self) -> bool {
        !self.running.is_empty() || !self.done.is_empty()
    }

    /// Returns whether the lock on this host could not be released.
    pub(super) fn keeps_lock(&self, lock_host: &HostName) -> bool {
        self.gone_while_releasing.contains(lock_host)
    }

    /// Returns whether the lock has another holder than was shown before.
    pub(super) fn is_new_holder(&mut self, holder: &str) -> bool {
        let new = self.holder.as_deref() != Some(holder);
        self.holder = Some(holder.to_owned());
        new
    }

    /// Returns what the poll of a step waits for, unless a line said so, or that the step starts, a moment ago.
    pub(super) fn poll_line(&mut self, step: &StepId, at: Millis) -> Option<&str> {
        let last = self.poll_lines.get(step).max(self.running.get(step))?;
        if at.since(*last) < POLL_LINE_MILLIS {
            return None;
        }
        self.poll_lines.insert(step.clone(), at);
        self.polls.get(step).map(String::as_str)
    }

    /// Returns the milliseconds since the first event.
    pub(super) fn elapsed(&self, at: Millis) -> u64 {
        at.since(self.began.unwrap_or(at))
    }
}

/// Returns whether nothing is left to do for a step.
pub(super) fn is_done(status: &StepStatus) -> bool {
    matches!(
        status,
        StepStatus::Succeeded | StepStatus::AlreadyDone | StepStatus::Tolerated { .. }
    )
}

/// Returns whether the run quit while the step was running.
pub(super) fn is_left_running(step: &StepSummary) -> bool {
    step.status == StepStatus::Open && step.attempt > 0
}
