//! The methods of strings.

use std::collections::BTreeMap;

use super::operand::{Operation, size, slice};
use super::problem::{Result, wrong};
use super::value::Value;

/// What Ruby counts as blank.
const BLANKS: [char; 6] = ['\t', '\n', '\u{b}', '\u{c}', '\r', ' '];

/// Calls `method` of `text`. What the text itself costs has been counted.
pub(super) fn call(
    text: &str,
    method: &str,
    arguments: &[Value],
    operation: &mut Operation<'_>,
) -> Result<Value> {
    operation.spend(arguments.iter().map(Value::cost).sum())?;
    if method == "[]" {
        return index(text, arguments, operation);
    }
    let parts = arguments.iter().map(|argument| match argument {
        Value::String(part) => Ok(part.as_str()),
        other => Err(operation.wrong_argument(other, "a string")),
    });
    let parts = parts.collect::<Result<Vec<&str>>>()?;
    match (method, parts.as_slice()) {
        ("split", _) => split(text, parts.first().unwrap_or(&" "), operation),
        ("lines", _) => {
            operation.spend(32 * (1 + text.matches('\n').count()))?;
            let lines = text.split_inclusive('\n').map(Value::string);
            Ok(Value::List(lines.collect()))
        }
        ("sub", [pattern, with]) => replace(text, pattern, with, 1, operation),
        ("gsub", [pattern, with]) => replace(text, pattern, with, usize::MAX, operation),
        ("tr", [from, to]) => translate(text, from, to, operation),
        ("start_with?", _) => {
            let starts = parts.iter().any(|part| text.starts_with(part));
            Ok(Value::Boolean(starts))
        }
        ("end_with?", _) => {
            let ends = parts.iter().any(|part| text.ends_with(part));
            Ok(Value::Boolean(ends))
        }
        _ => simple(text, method, parts.first().copied(), operation),
    }
}

/// Calls a method whose result is no longer than the text.
fn simple(text: &str, method: &str, argument: Option<&str>, at: &Operation<'_>) -> Result<Value> {
    let value = match (method, argument) {
        ("strip", _) => text.trim_matches(is_stripped).into(),
        ("lstrip", _) => text.trim_start_matches(is_stripped).into(),
        ("rstrip", _) => text.trim_end_matches(is_stripped).into(),
        ("chomp", None | Some("\n")) => chomp(text).into(),
        ("chomp", Some("")) => trim_line_breaks(text).into(),
        ("chomp" | "delete_suffix", Some(end)) => text.strip_suffix(end).unwrap_or(text).into(),
        ("delete_prefix", Some(start)) => text.strip_prefix(start).unwrap_or(text).into(),
        ("chop", _) => chop(text).into(),
        ("upcase", _) => text.chars().flat_map(char::to_uppercase).collect(),
        ("downcase", _) => downcase(text),
        ("capitalize", _) => {
            let mut rest = text.chars();
            let first = rest.next().into_iter().flat_map(char::to_uppercase);
            first.collect::<String>() + &downcase(rest.as_str())
        }
        ("swapcase", _) => text.chars().map(swapped).collect(),
        ("reverse", _) => text.chars().rev().collect(),
        ("to_i", _) => return Ok(Value::Integer(number(text, at)?)),
        ("empty?", _) => return Ok(Value::Boolean(text.is_empty())),
        ("length" | "size", _) => return Ok(size(text.chars().count())),
        ("include?", Some(part)) => return Ok(Value::Boolean(text.contains(part))),
        _ => return Err(at.missing(&Value::String(String::new()), method)),
    };
    Ok(Value::String(value))
}

/// Whether it is dropped at the ends of a text.
fn is_stripped(c: char) -> bool {
    c == '\0' || BLANKS.contains(&c)
}

fn downcase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

fn swapped(c: char) -> String {
    match c.is_lowercase() {
        true => c.to_uppercase().collect(),
        false => c.to_lowercase().collect(),
    }
}

/// Drops one line break at the end.
fn chomp(text: &str) -> &str {
    let mut ends = ["\r\n", "\n", "\r"].into_iter();
    ends.find_map(|end| text.strip_suffix(end)).unwrap_or(text)
}

/// Drops all line breaks at the end, but no lone carriage return.
fn trim_line_breaks(text: &str) -> &str {
    let mut text = text;
    while let Some(shorter) = text.strip_suffix('\n') {
        text = shorter.strip_suffix('\r').unwrap_or(shorter);
    }
    text
}

/// Drops the last character, or the line break that two make.
fn chop(text: &str) -> &str {
    let mut shorter = text.chars();
    shorter.next_back();
    text.strip_suffix("\r\n").unwrap_or(shorter.as_str())
}

/// Returns the number that the text begins with, or 0.
fn number(text: &str, at: &Operation<'_>) -> Result<i64> {
    let text = text.trim_start_matches(BLANKS);
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) if text.starts_with('-') => (-1, digits),
        Some(digits) => (1, digits),
        None => (1, text),
    };
    let mut number = 0_i64;
    let mut after_digit = false;
    for c in digits.chars() {
        match (c.to_digit(10), c) {
            (Some(digit), _) => {
                let next = number.checked_mul(10);
                let next = next.and_then(|next| next.checked_add(i64::from(digit) * sign));
                number = at.fitting(next)?;
                after_digit = true;
            }
            (None, '_') if after_digit => after_digit = false,
            _ => break,
        }
    }
    Ok(number)
}

fn index(text: &str, arguments: &[Value], at: &Operation<'_>) -> Result<Value> {
    let (start, length) = match arguments {
        [Value::String(part)] if text.contains(part) => return Ok(Value::string(part)),
        [Value::String(_)] => return Ok(Value::Nil),
        [start] => (at.integer(start)?, None),
        [start, length] => (at.integer(start)?, Some(at.integer(length)?)),
        _ => return Ok(Value::Nil),
    };
    let count = text.chars().count();
    let Some((first, found)) = slice(count, start, length.unwrap_or(1)) else {
        return Ok(Value::Nil);
    };
    if length.is_none() && found == 0 {
        return Ok(Value::Nil);
    }
    let part: String = text.chars().skip(first).take(found).collect();
    Ok(Value::String(part))
}

fn split(text: &str, separator: &str, operation: &mut Operation<'_>) -> Result<Value> {
    let parts: Box<dyn Iterator<Item = &str>> = match separator {
        " " => Box::new(text.split(BLANKS).filter(|part| !part.is_empty())),
        "" => Box::new(text.split("").filter(|part| !part.is_empty())),
        separator => Box::new(text.split(separator)),
    };
    let mut list = Vec::new();
    for part in parts {
        operation.spend(32 + part.len())?;
        list.push(Value::string(part));
    }
    while list.last() == Some(&Value::String(String::new())) {
        list.pop();
    }
    Ok(Value::List(list))
}

/// Replaces a text, at most `most` times.
fn replace(
    text: &str,
    pattern: &str,
    with: &str,
    most: usize,
    operation: &mut Operation<'_>,
) -> Result<Value> {
    let mut replaced = String::new();
    let mut end = 0;
    for (at, found) in text.match_indices(pattern).take(most) {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + found.len()..).unwrap_or_default();
        replaced.push_str(text.get(end..at).unwrap_or_default());
        let mut rest = with;
        while let Some((literal, escaped)) = rest.split_once('\\') {
            let mut following = escaped.chars();
            let (inserted, used) = match following.next() {
                Some('0' | '&') => (found, true),
                Some('1'..='9') => ("", true),
                Some('`') => (before, true),
                Some('\'') => (after, true),
                Some('\\') => ("\\", true),
                _ => ("\\", false),
            };
            operation.spend(literal.len() + inserted.len())?;
            replaced.push_str(literal);
            replaced.push_str(inserted);
            rest = if used { following.as_str() } else { escaped };
        }
        operation.spend(rest.len() + 1)?;
        replaced.push_str(rest);
        end = at + found.len();
    }
    replaced.push_str(text.get(end..).unwrap_or_default());
    Ok(Value::String(replaced))
}

/// Replaces characters by others: `tr("a-z", "A-Z")`.
fn translate(text: &str, from: &str, to: &str, operation: &mut Operation<'_>) -> Result<Value> {
    let negated = from.strip_prefix('^').filter(|rest| !rest.is_empty());
    let to = characters(to, operation)?;
    let mut table: BTreeMap<char, Option<char>> = BTreeMap::new();
    let from = characters(negated.unwrap_or(from), operation)?;
    for (at, c) in from.into_iter().enumerate() {
        let other = to.get(at).or(to.last());
        table.insert(c, other.copied());
    }
    let translated = text.chars().filter_map(|c| match (table.get(&c), negated) {
        (Some(other), None) => *other,
        (None, Some(_)) => to.last().copied(),
        _ => Some(c),
    });
    Ok(Value::String(translated.collect()))
}

/// Returns the characters that an argument of `tr` means: those of `a-c` are three.
fn characters(set: &str, operation: &mut Operation<'_>) -> Result<Vec<char>> {
    let mut list = Vec::new();
    let mut rest = set.chars().peekable();
    while let Some(c) = rest.next() {
        let first = match c {
            '\\' => rest.next().unwrap_or(c),
            c => c,
        };
        let mut after = rest.clone();
        let last = match (after.next(), after.next()) {
            (Some('-'), Some('\\')) => after.next(),
            (Some('-'), last) => last,
            _ => None,
        };
        let Some(last) = last else {
            list.push(first);
            continue;
        };
        rest = after;
        if last < first {
            let (message, help) = (
                "reversed range of characters",
                "write the smaller character first",
            );
            return Err(wrong(operation.span.clone(), message, help));
        }
        operation.spend(32 * (u32::from(last) - u32::from(first)) as usize)?;
        list.extend(first..=last);
    }
    Ok(list)
}
