//! Checks of receivers and arguments, and the errors of those that do not fit.

use super::problem::{Problem, Result, Span, wrong};
use super::value::Value;

/// Returns the error of a method that the value does not have.
pub(super) fn missing(receiver: &Value, method: &str, span: &Span) -> Problem {
    let help = match receiver {
        Value::Nil => {
            "an unset variable is nil: use `ENV.fetch(\"NAME\")`, or add a default with `|| \"…\"`"
        }
        _ => "convert the value first: `to_s` makes a string of any value",
    };
    let message = format!("{} has no method `{method}`", receiver.name());
    wrong(span.clone(), message, help)
}

/// Returns the error of an argument of the wrong kind.
pub(super) fn wrong_argument(value: &Value, wanted: &str, span: &Span) -> Problem {
    let message = format!("expected {wanted}, got {}", value.name());
    let help = "`to_s` converts a value to a string, `to_i` a string to a number";
    wrong(span.clone(), message, help)
}

/// Returns a number that counts or points at something.
pub(super) fn integer(value: &Value, span: &Span) -> Result<i64> {
    match value {
        Value::Integer(number) => Ok(*number),
        other => Err(wrong_argument(other, "a number", span)),
    }
}

/// Returns how many items are asked for.
pub(super) fn count(value: &Value, span: &Span) -> Result<usize> {
    let number = integer(value, span)?;
    usize::try_from(number).map_err(|_| wrong(span.clone(), "negative count", "use 0 or more"))
}

/// Returns the first place and the length of what `start` and `length` mean in something of `size`: counted from the
/// end if `start` is negative.
pub(super) fn slice(size: usize, start: i64, length: i64) -> Option<(usize, usize)> {
    let whole = i64::try_from(size).ok()?;
    let first = if start < 0 { start + whole } else { start };
    let first = usize::try_from(first).ok().filter(|first| *first <= size)?;
    let length = usize::try_from(length).ok()?;
    Some((first, length.min(size - first)))
}

/// Returns the error of a number that does not fit.
pub(super) fn too_large(span: &Span) -> Problem {
    wrong(span.clone(), "number out of range", "keep it a string")
}

/// Returns a number of things.
pub(super) fn size(count: usize) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}
