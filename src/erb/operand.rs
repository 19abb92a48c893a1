//! Checks of receivers and arguments, and the errors of those that do not fit.

use super::meter::Meter;
use super::problem::{Problem, Result, Span, wrong};
use super::value::Value;

/// The call of a method or an operator: where it is, and what counts its cost.
pub(super) struct Operation<'o> {
    pub(super) span: &'o Span,
    pub(super) meter: &'o mut Meter,
}

impl Operation<'_> {
    /// Counts `cost`, before it is spent.
    ///
    /// # Errors
    /// The template's limit.
    pub(super) fn spend(&mut self, cost: usize) -> Result<()> {
        self.meter.spend(cost, self.span)
    }

    /// Returns the error of a method that the value does not have.
    pub(super) fn missing(&self, receiver: &Value, method: &str) -> Problem {
        let help = match receiver {
            Value::Nil => {
                "an unset variable is nil: use `ENV.fetch(\"NAME\")`, or add a default with `|| \"…\"`"
            }
            _ => "convert the value first: `to_s` makes a string of any value",
        };
        let message = format!("{} has no method `{method}`", receiver.name());
        wrong(self.span.clone(), message, help)
    }

    /// Returns the error of an argument of the wrong kind.
    pub(super) fn wrong_argument(&self, value: &Value, wanted: &str) -> Problem {
        let message = format!("expected {wanted}, got {}", value.name());
        let help = "`to_s` converts a value to a string, `to_i` a string to a number";
        wrong(self.span.clone(), message, help)
    }

    /// Returns a number that counts or points at something.
    pub(super) fn integer(&self, value: &Value) -> Result<i64> {
        match value {
            Value::Integer(number) => Ok(*number),
            other => Err(self.wrong_argument(other, "a number")),
        }
    }

    /// Returns how many items are asked for.
    pub(super) fn count(&self, value: &Value) -> Result<usize> {
        usize::try_from(self.integer(value)?)
            .map_err(|_| wrong(self.span.clone(), "negative count", "use 0 or more"))
    }

    /// Returns the number, or the error of one that does not fit.
    pub(super) fn fitting(&self, number: Option<i64>) -> Result<i64> {
        let error = || wrong(self.span.clone(), "number out of range", "keep it a string");
        number.ok_or_else(error)
    }
}

/// Returns the first place and the length of what `start` and `length` mean in something of `size`:
/// counted from the end if `start` is negative.
pub(super) fn slice(size: usize, start: i64, length: i64) -> Option<(usize, usize)> {
    let whole = i64::try_from(size).ok()?;
    let first = if start < 0 { start + whole } else { start };
    let first = usize::try_from(first).ok().filter(|first| *first <= size)?;
    let length = usize::try_from(length).ok()?;
    Some((first, length.min(size - first)))
}

/// Returns a number of things.
pub(super) fn size(count: usize) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}
