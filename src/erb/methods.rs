//! The methods of values, with Ruby's meaning.

use super::operand::{Operation, size, slice};
use super::problem::Result;
use super::string;
use super::value::Value;

/// The methods, by their least and most arguments. Ruby has some of them with others too; these
/// are not understood.
const METHODS: [(usize, usize, &str); 6] = [
    (
        0,
        0,
        "blank? capitalize chop compact downcase empty? freeze inspect length lines lstrip nil? \
         presence present? reverse rstrip size strip swapcase to_a to_i to_s uniq upcase",
    ),
    (0, 1, "chomp first join last split"),
    (0, 9, "end_with? start_with?"),
    (1, 1, "delete_prefix delete_suffix include?"),
    (1, 2, "[]"),
    (2, 2, "gsub sub tr"),
];

/// Returns the method that has this name.
pub(super) fn known(name: &str) -> Option<&'static str> {
    let mut names = METHODS.iter().flat_map(|(_, _, names)| names.split(' '));
    names.find(|known| *known == name)
}

/// Whether `method` can take so many arguments.
pub(super) fn takes(method: &str, count: usize) -> bool {
    METHODS.iter().any(|(least, most, names)| {
        (*least..=*most).contains(&count) && names.split(' ').any(|known| known == method)
    })
}

/// Calls `method` of `receiver`.
///
/// # Errors
/// A value that has no such method; an argument of the wrong kind; the limit of the template.
pub(super) fn call(
    receiver: Value,
    method: &str,
    arguments: &[Value],
    operation: &mut Operation<'_>,
) -> Result<Value> {
    operation.spend(receiver.cost() * 2)?;
    let value = match (method, &receiver) {
        ("to_s", _) => Value::String(receiver.printed()),
        ("inspect", _) => {
            operation.spend(receiver.cost() * 6)?;
            Value::String(receiver.inspected())
        }
        ("nil?", _) => Value::Boolean(receiver == Value::Nil),
        ("freeze", _) => receiver,
        ("blank?", _) => Value::Boolean(receiver.is_blank()),
        ("present?", _) => Value::Boolean(!receiver.is_blank()),
        ("presence", _) if receiver.is_blank() => Value::Nil,
        ("presence", _) => receiver,
        ("to_i", Value::Nil) => Value::Integer(0),
        ("to_i", Value::Integer(_)) => receiver,
        ("to_a", Value::Nil) => Value::List(Vec::new()),
        (_, Value::String(text)) => return string::call(text, method, arguments, operation),
        (_, Value::List(items)) => return of_list(items, method, arguments, operation),
        _ => return Err(operation.missing(&receiver, method)),
    };
    Ok(value)
}

fn of_list(
    items: &[Value],
    method: &str,
    arguments: &[Value],
    operation: &mut Operation<'_>,
) -> Result<Value> {
    let some = |items: &[Value]| Value::List(items.to_vec());
    let value = match (method, arguments) {
        ("to_a", []) => some(items),
        ("empty?", []) => Value::Boolean(items.is_empty()),
        ("length" | "size", []) => size(items.len()),
        ("include?", [wanted]) => Value::Boolean(items.contains(wanted)),
        ("first", []) => items.first().cloned().unwrap_or(Value::Nil),
        ("last", []) => items.last().cloned().unwrap_or(Value::Nil),
        ("first", [number]) => {
            let number = operation.count(number)?.min(items.len());
            some(items.get(..number).unwrap_or_default())
        }
        ("last", [number]) => {
            let number = operation.count(number)?.min(items.len());
            some(items.get(items.len() - number..).unwrap_or_default())
        }
        ("[]", [index]) => {
            let found = slice(items.len(), operation.integer(index)?, 1);
            let item = found.and_then(|(first, _)| items.get(first));
            item.cloned().unwrap_or(Value::Nil)
        }
        ("[]", [start, length]) => {
            let (start, length) = (operation.integer(start)?, operation.integer(length)?);
            let found = slice(items.len(), start, length);
            let found = found.and_then(|(first, length)| items.get(first..first + length));
            found.map_or(Value::Nil, some)
        }
        ("reverse", []) => Value::List(items.iter().rev().cloned().collect()),
        ("compact", []) => {
            let kept = items.iter().filter(|item| **item != Value::Nil);
            Value::List(kept.cloned().collect())
        }
        ("uniq", []) => uniq(items, operation)?,
        ("join", separator) => {
            let separator = match separator.first() {
                None | Some(Value::Nil) => "",
                Some(Value::String(text)) => text,
                Some(other) => return Err(operation.wrong_argument(other, "a string")),
            };
            let mut joined = String::new();
            join(items, separator, &mut joined, operation)?;
            Value::String(joined)
        }
        _ => return Err(operation.missing(&Value::List(Vec::new()), method)),
    };
    Ok(value)
}

fn uniq(items: &[Value], operation: &mut Operation<'_>) -> Result<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        operation.spend(kept.len() + item.cost())?;
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    Ok(Value::List(kept))
}

/// Adds the items to `joined`; a list among them counts as what it is when joined itself.
fn join(
    items: &[Value],
    separator: &str,
    joined: &mut String,
    operation: &mut Operation<'_>,
) -> Result<()> {
    for (index, item) in items.iter().enumerate() {
        operation.spend(item.cost() + separator.len())?;
        if index > 0 {
            joined.push_str(separator);
        }
        match item {
            Value::List(inner) => join(inner, separator, joined, operation)?,
            other => joined.push_str(&other.clone().printed()),
        }
    }
    Ok(())
}
