//! Bounds what a template may cost, so that none can hang the program or fill its memory.

use super::problem::{Result, Span, over_limit};

/// What a template may cost: one for each step, and for each byte that a step makes.
const LIMIT: usize = 64 << 20;

/// Counts what a template costs.
#[derive(Debug)]
pub(super) struct Meter {
    left: usize,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { left: LIMIT }
    }

    /// Counts `cost`, before it is spent.
    ///
    /// # Errors
    /// The template's limit.
    pub(super) fn spend(&mut self, cost: usize, span: &Span) -> Result<()> {
        self.left = self.left.checked_sub(cost).ok_or_else(|| {
            let message = "the template exceeds its limit of steps and memory";
            over_limit(span.clone(), message)
        })?;
        Ok(())
    }
}
