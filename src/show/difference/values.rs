//! Two JSON values, part by part.

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::document::{Place, ValueDifference};

/// A value and its pointer.
pub(super) type At<'v> = (&'v str, &'v Value);

/// Adds each part that differs: of maps the values of keys, of lists elements.
pub(super) fn compare(
    (old_pointer, old): At<'_>,
    (new_pointer, new): At<'_>,
    found: &mut Vec<ValueDifference>,
) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let pointer = below(old_pointer, key);
                match new.get(key) {
                    Some(other) => {
                        compare((&pointer, value), (&below(new_pointer, key), other), found);
                    }
                    None => found.push(removed(pointer, value)),
                }
            }
            let only_new = new.iter().filter(|(key, _)| !old.contains_key(*key));
            found.extend(only_new.map(|(key, value)| added(below(new_pointer, key), value)));
        }
        (Value::Array(old), Value::Array(new)) => {
            lists((old_pointer, old), (new_pointer, new), found);
        }
        (old, new) => found.push(ValueDifference {
            old: Some(place(old_pointer.to_owned(), old)),
            new: Some(place(new_pointer.to_owned(), new)),
        }),
    }
}

fn lists(
    (old_pointer, old): (&str, &[Value]),
    (new_pointer, new): (&str, &[Value]),
    found: &mut Vec<ValueDifference>,
) {
    let old_at = |at: usize| below(old_pointer, &at.to_string());
    let new_at = |at: usize| below(new_pointer, &at.to_string());
    for op in aligned(old, new) {
        let (olds, news) = (op.old_range(), op.new_range());
        if let DiffOp::Equal { .. } = op {
            continue;
        }
        let both = olds.clone().zip(news.clone());
        let common = olds.len().min(news.len());
        for (from, to) in both {
            compare((&old_at(from), &old[from]), (&new_at(to), &new[to]), found);
        }
        found.extend(olds.skip(common).map(|at| removed(old_at(at), &old[at])));
        found.extend(news.skip(common).map(|at| added(new_at(at), &new[at])));
    }
}

/// Returns how the elements of `old` become those of `new`.
pub(super) fn aligned(old: &[Value], new: &[Value]) -> Vec<DiffOp> {
    let texts = |values: &[Value]| -> Vec<String> { values.iter().map(Value::to_string).collect() };
    capture_diff_slices(Algorithm::Myers, &texts(old), &texts(new))
}

/// Returns the pointer of the value of `key` below `pointer`.
pub(super) fn below(pointer: &str, key: &str) -> String {
    let key = key.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{key}")
}

pub(super) fn removed(pointer: String, value: &Value) -> ValueDifference {
    ValueDifference {
        old: Some(place(pointer, value)),
        new: None,
    }
}

pub(super) fn added(pointer: String, value: &Value) -> ValueDifference {
    ValueDifference {
        old: None,
        new: Some(place(pointer, value)),
    }
}

fn place(pointer: String, value: &Value) -> Place {
    Place {
        pointer,
        value: value.clone(),
    }
}
