//! How much a host may answer. Whoever sends more is given up: it can waste neither the memory of this machine nor the time of
//! other hosts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::request::StepRequest;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The longest that the commands that explain a failure may take together, in seconds.
pub(super) const DIAGNOSE_SECONDS: u32 = 60;
/// The longest that the cleanup after a failure may take, in seconds.
pub(super) const CLEANUP_SECONDS: u32 = 300;
/// What ending the commands of a step, and all else about it, takes at most, in seconds.
const AROUND_SECONDS: u32 = 60;
/// How long a step is listened to that has no limit, but for its silence: then its host is asked for it anew.
const UNLIMITED_SECONDS: u32 = 24 * 60 * 60;

/// Returns how long a batch is listened to: by then all of its steps have ended, or one of them hangs.
pub(super) fn longest(batch: &[StepRequest]) -> Duration {
    let of = |step: &StepRequest| {
        let acting = match step.timeout_seconds {
            0 => UNLIMITED_SECONDS,
            seconds => seconds,
        };
        let seconds = [acting, DIAGNOSE_SECONDS, CLEANUP_SECONDS, AROUND_SECONDS];
        seconds.iter().map(|part| u64::from(*part)).sum::<u64>()
    };
    Duration::from_secs(batch.iter().map(of).sum())
}

/// What all hosts together may have in memory of answers that were not read yet.
const SHARED: usize = 256 * MIB;

/// The bounds of one answer, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The longest line.
    pub line: usize,
    /// All of it.
    pub total: usize,
}

/// The facts of a host.
pub(super) const PROBE: Bounds = Bounds {
    line: MIB,
    total: 8 * MIB,
};

/// A list of attempts, an audit log, and every shorter answer.
pub(super) const LIST: Bounds = Bounds {
    line: 4 * MIB,
    total: 4 * MIB,
};

/// What happens to a batch of steps, for as long as it takes. A line holds two tails, in base64.
pub(super) const BATCH: Bounds = Bounds {
    line: 256 * KIB,
    total: 64 * MIB,
};

/// The most that is read of the end of what a step printed.
pub(super) const TAIL: usize = 64 * KIB;

/// Removes the first line of a `tail` that is as long as it may be: that line was cut off, and what is left of a secret there would
/// not be known as one.
pub(super) fn drop_cut_line(tail: &mut String) {
    if tail.len() >= TAIL {
        let end = tail.find('\n').map_or(tail.len(), |at| at + 1);
        tail.drain(..end);
    }
}

/// An answer is longer than its bounds, in the words of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// A line is.
    #[error("a line of its answer is longer than {} KiB", .0 / KIB)]
    Line(usize),
    /// The whole is.
    #[error("its answer is longer than {} MiB", .0 / MIB)]
    Total(usize),
    /// The end of what a step printed is.
    #[error("the output that it reports of a step is longer than {} KiB", .0 / KIB)]
    Tail(usize),
    /// It is not, but those of all hosts together are.
    #[error("the answers of all hosts together are longer than {} MiB", SHARED / MIB)]
    Shared,
}

/// What all hosts may still send.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(SHARED)))
    }
}

impl Budget {
    /// Begins an answer, which takes nothing yet.
    pub(super) fn answer(&self) -> Held {
        Held {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

/// What one answer has taken of the budget. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Budget,
    bytes: usize,
}

impl Held {
    /// Takes `bytes` more for an answer within `bounds`.
    pub(super) fn take(&mut self, bytes: usize, bounds: Bounds) -> Result<(), Excess> {
        if self.bytes.saturating_add(bytes) > bounds.total {
            return Err(Excess::Total(bounds.total));
        }
        let left = &self.budget.0;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(bytes)
        })
        .map_err(|_| Excess::Shared)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::WhenStopping;
    use crate::record::living::About;

    #[test]
    fn a_batch_is_listened_to_until_all_of_its_steps_must_have_ended() {
        let step = |timeout_seconds| StepRequest {
            about: About::default(),
            step: String::new(),
            attempt: 1,
            actions: Vec::new(),
            diagnose: Vec::new(),
            cleanup: Vec::new(),
            timeout_seconds,
            idle_timeout_seconds: 0,
            shared_lock: false,
            claim_stays: false,
            when_stopping: WhenStopping::default(),
            subject: String::new(),
            route: None,
        };
        let seconds = |batch: &[StepRequest]| longest(batch).as_secs();
        assert_eq!(seconds(&[step(30)]), 30 + 60 + 300 + 60);
        assert_eq!(seconds(&[step(30), step(100)]), 130 + 2 * 420);
        assert_eq!(seconds(&[step(0)]), 86_400 + 420);
    }

    #[test]
    fn all_answers_together_are_bounded_and_give_back_what_they_took() {
        let budget = Budget::default();
        let mut answers: Vec<Held> = (0..32).map(|_| budget.answer()).collect();
        for answer in &mut answers {
            assert_eq!(answer.take(8 * MIB, PROBE), Ok(()));
            assert_eq!(answer.take(1, PROBE), Err(Excess::Total(8 * MIB)));
        }
        let mut late = budget.answer();
        assert_eq!(late.take(1, PROBE), Err(Excess::Shared));
        answers.pop();
        assert_eq!(late.take(8 * MIB, PROBE), Ok(()));
        let text = Excess::Total(8 * MIB).to_string();
        assert_eq!(text, "its answer is longer than 8 MiB");
    }
}
