//! The methods of values, with Ruby's meaning.

use super::meter::Meter;
use super::operand::{count, integer, missing, size, slice, wrong_argument};
use super::problem::{Result, Span};
use super::string;
use super::value::Value;

/// The methods: name, least and most arguments. Ruby has some of them with others too; these are not understood.
const METHODS: [(&str, usize, usize); 38] = [
    ("[]", 1, 2),
    ("blank?", 0, 0),
    ("capitalize", 0, 0),
    ("chomp", 0, 1),
    ("chop", 0, 0),
    ("compact", 0, 0),
    ("delete_prefix", 1, 1),
    ("delete_suffix", 1, 1),
    ("downcase", 0, 0),
    ("empty?", 0, 0),
    ("end_with?", 0, 9),
    ("first", 0, 1),
    ("gsub", 2, 2),
    ("include?", 1, 1),
    ("inspect", 0, 0),
    ("join", 0, 1),
    ("last", 0, 1),
    ("length", 0, 0),
    ("lines", 0, 0),
    ("lstrip", 0, 0),
    ("nil?", 0, 0),
    ("presence", 0, 0),
    ("present?", 0, 0),
    ("reverse", 0, 0),
    ("rstrip", 0, 0),
    ("size", 0, 0),
    ("split", 0, 1),
    ("start_with?", 0, 9),
    ("strip", 0, 0),
    ("sub", 2, 2),
    ("swapcase", 0, 0),
    ("to_a", 0, 0),
    ("to_i", 0, 0),
    ("to_s", 0, 0),
    ("tr", 2, 2),
    ("uniq", 0, 0),
    ("upcase", 0, 0),
    ("freeze", 0, 0),
];

/// Returns the method that has this name.
pub(super) fn known(name: &str) -> Option<&'static str> {
    let names = METHODS.iter().map(|(known, _, _)| *known);
    names.into_iter().find(|known| *known == name)
}

/// Whether `method` can take so many arguments.
pub(super) fn takes(method: &str, count: usize) -> bool {
    METHODS
        .iter()
        .any(|(known, least, most)| *known == method && (*least..=*most).contains(&count))
}

/// Calls `method` of `receiver`.
///
/// # Errors
/// A value that has no such method; an argument of the wrong kind; the limit of the template.
pub(super) fn call(
    receiver: Value,
    method: &'static str,
    arguments: &[Value],
    meter: &mut Meter,
    span: &Span,
) -> Result<Value> {
    meter.spend(receiver.cost() * 2, span)?;
    let value = match (method, &receiver) {
        ("to_s", _) => Value::String(receiver.printed()),
        ("inspect", _) => {
            meter.spend(receiver.cost() * 6, span)?;
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
        (_, Value::String(text)) => return string::call(text, method, arguments, meter, span),
        (_, Value::List(items)) => return of_list(items, method, arguments, meter, span),
        _ => return Err(missing(&receiver, method, span)),
    };
    Ok(value)
}

fn of_list(
    items: &[Value],
    method: &'static str,
    arguments: &[Value],
    meter: &mut Meter,
    span: &Span,
) -> Result<Value> {
    let some = |items: &[Value]| Value::List(items.to_vec());
    let whole = || Value::List(items.to_vec());
    let value = match (method, arguments) {
        ("to_a", []) => whole(),
        ("empty?", []) => Value::Boolean(items.is_empty()),
        ("length" | "size", []) => size(items.len()),
        ("include?", [wanted]) => Value::Boolean(items.contains(wanted)),
        ("first", []) => items.first().cloned().unwrap_or(Value::Nil),
        ("last", []) => items.last().cloned().unwrap_or(Value::Nil),
        ("first", [number]) => {
            let number = count(number, span)?.min(items.len());
            some(items.get(..number).unwrap_or_default())
        }
        ("last", [number]) => {
            let number = count(number, span)?.min(items.len());
            some(items.get(items.len() - number..).unwrap_or_default())
        }
        ("[]", [index]) => {
            let found = slice(items.len(), integer(index, span)?, 1);
            let item = found.and_then(|(first, _)| items.get(first));
            item.cloned().unwrap_or(Value::Nil)
        }
        ("[]", [start, length]) => {
            let found = slice(items.len(), integer(start, span)?, integer(length, span)?);
            let found = found.and_then(|(first, length)| items.get(first..first + length));
            found.map_or(Value::Nil, some)
        }
        ("reverse", []) => Value::List(items.iter().rev().cloned().collect()),
        ("compact", []) => {
            let kept = items.iter().filter(|item| **item != Value::Nil);
            Value::List(kept.cloned().collect())
        }
        ("uniq", []) => uniq(items, meter, span)?,
        ("join", separator) => {
            let separator = match separator.first() {
                None | Some(Value::Nil) => "",
                Some(Value::String(text)) => text,
                Some(other) => return Err(wrong_argument(other, "a string", span)),
            };
            let mut joined = String::new();
            join(items, separator, &mut joined, meter, span)?;
            Value::String(joined)
        }
        _ => return Err(missing(&Value::List(Vec::new()), method, span)),
    };
    Ok(value)
}

fn uniq(items: &[Value], meter: &mut Meter, span: &Span) -> Result<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        meter.spend(kept.len() + item.cost(), span)?;
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
    meter: &mut Meter,
    span: &Span,
) -> Result<()> {
    for (index, item) in items.iter().enumerate() {
        meter.spend(item.cost() + separator.len(), span)?;
        if index > 0 {
            joined.push_str(separator);
        }
        match item {
            Value::List(inner) => join(inner, separator, joined, meter, span)?,
            other => joined.push_str(&other.clone().printed()),
        }
    }
    Ok(())
}
