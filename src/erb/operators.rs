//! Operators between two values.

use std::cmp::Ordering;

use super::operand::Operation;
use super::problem::{Problem, Result};
use super::value::Value;

/// Returns `left operator right`.
///
/// # Errors
/// Values that have no such operator; a number that is too large; the limit of the template.
pub(super) fn apply(
    operator: &str,
    left: Value,
    right: Value,
    operation: &mut Operation<'_>,
) -> Result<Value> {
    operation.spend(left.cost() + right.cost())?;
    Ok(match (operator, left, right) {
        ("==", left, right) => Value::Boolean(left == right),
        ("!=", left, right) => Value::Boolean(left != right),
        ("+", Value::String(left), Value::String(right)) => Value::String(left + &right),
        ("+", Value::Integer(left), Value::Integer(right)) => {
            Value::Integer(operation.fitting(left.checked_add(right))?)
        }
        ("+", Value::List(left), Value::List(right)) => {
            Value::List(left.into_iter().chain(right).collect())
        }
        ("-", Value::Integer(left), Value::Integer(right)) => {
            Value::Integer(operation.fitting(left.checked_sub(right))?)
        }
        ("-", Value::List(mut left), Value::List(right)) => {
            operation.spend(left.len().saturating_mul(right.len()))?;
            left.retain(|item| !right.contains(item));
            Value::List(left)
        }
        ("-", left @ Value::String(_), _) => return Err(operation.missing(&left, "-")),
        ("+" | "-", left, right) => return Err(unfit(operator, &left, &right, operation)),
        (_, left, right) => {
            let order = compare(operator, &left, &right, operation)?;
            Value::Boolean(match operator {
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                ">" => order == Ordering::Greater,
                _ => order != Ordering::Less,
            })
        }
    })
}

fn compare(operator: &str, left: &Value, right: &Value, at: &Operation<'_>) -> Result<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        (Value::Integer(left), Value::Integer(right)) => Ok(left.cmp(right)),
        (Value::List(_), _) => Err(at.missing(left, operator)),
        (left, right) => Err(unfit(operator, left, right, at)),
    }
}

/// Returns the error of two values that do not go together.
fn unfit(operator: &str, left: &Value, right: &Value, at: &Operation<'_>) -> Problem {
    match left {
        Value::Nil | Value::Boolean(_) => at.missing(left, operator),
        other => at.wrong_argument(right, other.name()),
    }
}
