//! What a reporter keeps of the events for the end.

use std::collections::{BTreeMap, HashMap};

use crate::apply::state::{Millis, Progress};
use crate::name::{HostName, StepId};

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The time of the first event; the others are shown from there.
    began: Option<Millis>,
    /// When the current attempt at a step that has not ended began.
    pub(super) running: BTreeMap<StepId, Millis>,
    /// What explains the last failure of a step.
    pub(super) diagnoses: HashMap<StepId, String>,
    /// The hosts that were given up, and what the transport said.
    pub(super) gone: BTreeMap<HostName, String>,
    /// Whom the run waits for, so that it is said once.
    holder: Option<String>,
}

impl Tally {
    /// Keeps an event, and returns how long the step that it ends, if any, was running.
    pub(super) fn note(&mut self, at: Millis, event: &Progress) -> Option<u64> {
        self.began.get_or_insert(at);
        match event {
            Progress::StepStarted { step, .. } => {
                self.running.insert(step.clone(), at);
                None
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
                self.running.remove(step).map(|start| at.since(start))
            }
            Progress::HostGone { host, message } => {
                self.gone.insert(host.clone(), message.clone());
                None
            }
            Progress::Phase(_)
            | Progress::PollAttempt { .. }
            | Progress::LockWaiting { .. }
            | Progress::LockTakenOver { .. }
            | Progress::HostLost { .. }
            | Progress::HostBack { .. }
            | Progress::Suspended
            | Progress::Resumed
            | Progress::Stopping(_) => None,
        }
    }

    /// Returns whether somebody else holds the lock than was said before.
    pub(super) fn is_new_holder(&mut self, holder: &str) -> bool {
        let new = self.holder.as_deref() != Some(holder);
        self.holder = Some(holder.to_owned());
        new
    }

    /// Returns the milliseconds since the first event.
    pub(super) fn elapsed(&self, at: Millis) -> u64 {
        at.since(self.began.unwrap_or(at))
    }
}
