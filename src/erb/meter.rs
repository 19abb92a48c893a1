//! Bounds what a template may cost, so that none can hang the program or fill its memory.

use super::problem::{Result, Span, too_much};

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
            let message = "the template does more than it may: its limit ends here";
            too_much(span.clone(), message)
        })?;
        Ok(())
    }
}
