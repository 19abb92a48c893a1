//! Operators between two values.

use std::cmp::Ordering;

use super::meter::Meter;
use super::operand::{missing, too_large, wrong_argument};
use super::problem::{Problem, Result, Span};
use super::value::Value;

/// Returns `left operator right`.
///
/// # Errors
/// Values that have no such operator; a number that is too large; the limit of the template.
pub(super) fn apply(
    operator: &'static str,
    left: Value,
    right: Value,
    meter: &mut Meter,
    span: &Span,
) -> Result<Value> {
    meter.spend(left.cost() + right.cost(), span)?;
    match (operator, left, right) {
        ("==", left, right) => Ok(Value::Boolean(left == right)),
        ("!=", left, right) => Ok(Value::Boolean(left != right)),
        ("+", left, right) => sum(left, right, span),
        ("-", left, right) => difference(left, right, meter, span),
        (operator, left, right) => {
            let order = compare(operator, &left, &right, span)?;
            Ok(Value::Boolean(match operator {
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                ">" => order == Ordering::Greater,
                _ => order != Ordering::Less,
            }))
        }
    }
}

fn sum(left: Value, right: Value, span: &Span) -> Result<Value> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(Value::String(left + &right)),
        (Value::Integer(left), Value::Integer(right)) => {
            let sum = left.checked_add(right).ok_or_else(|| too_large(span))?;
            Ok(Value::Integer(sum))
        }
        (Value::List(mut left), Value::List(right)) => {
            left.extend(right);
            Ok(Value::List(left))
        }
        (left, right) => Err(unfit("+", &left, &right, span)),
    }
}

fn difference(left: Value, right: Value, meter: &mut Meter, span: &Span) -> Result<Value> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => {
            let difference = left.checked_sub(right).ok_or_else(|| too_large(span))?;
            Ok(Value::Integer(difference))
        }
        (Value::List(mut left), Value::List(right)) => {
            meter.spend(left.len().saturating_mul(right.len()), span)?;
            left.retain(|item| !right.contains(item));
            Ok(Value::List(left))
        }
        (left @ Value::String(_), _) => Err(missing(&left, "-", span)),
        (left, right) => Err(unfit("-", &left, &right, span)),
    }
}

fn compare(operator: &'static str, left: &Value, right: &Value, span: &Span) -> Result<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        (Value::Integer(left), Value::Integer(right)) => Ok(left.cmp(right)),
        (left @ Value::List(_), _) => Err(missing(left, operator, span)),
        (left, right) => Err(unfit(operator, left, right, span)),
    }
}

/// Returns the error of two values that do not go together.
fn unfit(operator: &'static str, left: &Value, right: &Value, span: &Span) -> Problem {
    match left {
        Value::Nil | Value::Boolean(_) => missing(left, operator, span),
        other => wrong_argument(right, other.name(), span),
    }
}
