//! How much a host may answer. Whoever sends more is given up: it can waste neither the memory of this machine nor the time of
//! other hosts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

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
