//! Predicates over a host's facts: what a plan relies on, and whether a step's effect is there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;

/// A statement about one fact of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Predicate {
    /// An RFC 6901 pointer into the host's facts as `mrsk inspect` prints them: `/containers/NAME/state`.
    pub fact: String,
    /// How the fact is compared.
    pub op: Op,
    /// What it is compared with; absent for `absent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// How a fact is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// It is there and equal.
    Eq,
    /// It is not there.
    Absent,
    /// It is a list with this element, or an object with this key.
    Contains,
    /// It is a list without this element, or not there.
    Lacks,
    /// It is a list without elements other than those of this list, or not there.
    Within,
    /// It is equal to one of this list; `null` in the list: it is not there.
    OneOf,
    /// It is an object or a list with an element that has all these fields.
    Has,
}

impl Predicate {
    /// Returns `fact eq value`.
    pub fn eq(tokens: &[&str], value: impl Into<Value>) -> Self {
        Self::new(tokens, Op::Eq, Some(value.into()))
    }

    /// Returns `fact absent`.
    pub fn absent(tokens: &[&str]) -> Self {
        Self::new(tokens, Op::Absent, None)
    }

    /// Returns `fact contains value`.
    pub fn contains(tokens: &[&str], value: impl Into<Value>) -> Self {
        Self::new(tokens, Op::Contains, Some(value.into()))
    }

    /// Returns `fact lacks value`.
    pub fn lacks(tokens: &[&str], value: impl Into<Value>) -> Self {
        Self::new(tokens, Op::Lacks, Some(value.into()))
    }

    /// Returns `fact within values`.
    pub fn within(tokens: &[&str], values: Vec<String>) -> Self {
        Self::new(tokens, Op::Within, Some(values.into()))
    }

    /// Returns `fact one_of values`; `null` is for what is not there.
    pub fn one_of(tokens: &[&str], values: Vec<Value>) -> Self {
        Self::new(tokens, Op::OneOf, Some(values.into()))
    }

    /// Returns `fact has fields`.
    pub fn has(tokens: &[&str], fields: Value) -> Self {
        Self::new(tokens, Op::Has, Some(fields))
    }

    fn new(tokens: &[&str], op: Op, value: Option<Value>) -> Self {
        Self {
            fact: json::pointer(tokens),
            op,
            value,
        }
    }

    /// Returns whether the predicate holds for `facts`, a host's facts as JSON.
    pub fn holds(&self, facts: &Value) -> bool {
        let actual = facts.pointer(&self.fact);
        match (self.op, actual, &self.value) {
            (Op::Absent, actual, _) => actual.is_none(),
            (Op::Lacks | Op::Within, None, _) => true,
            (Op::Lacks, Some(Value::Array(list)), Some(wanted)) => !list.contains(wanted),
            (Op::Within, Some(Value::Array(list)), Some(Value::Array(wanted))) => {
                list.iter().all(|element| wanted.contains(element))
            }
            (Op::OneOf, None, Some(Value::Array(values))) => values.contains(&Value::Null),
            (Op::OneOf, Some(actual), Some(Value::Array(values))) => values.contains(actual),
            (Op::Has, Some(Value::Array(list)), Some(fields)) => {
                list.iter().any(|element| has_fields(element, fields))
            }
            (Op::Has, Some(Value::Object(map)), Some(fields)) => {
                map.values().any(|element| has_fields(element, fields))
            }
            (Op::Eq, Some(actual), Some(wanted)) => actual == wanted,
            (Op::Contains, Some(Value::Array(list)), Some(wanted)) => list.contains(wanted),
            (Op::Contains, Some(Value::Object(map)), Some(Value::String(key))) => {
                map.contains_key(key)
            }
            _ => false,
        }
    }
}

/// Returns whether `element` has every one of `fields`, with the same value.
fn has_fields(element: &Value, fields: &Value) -> bool {
    let fields = fields.as_object();
    fields.is_some_and(|fields| {
        let mut fields = fields.iter();
        fields.all(|(field, value)| element.get(field) == Some(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_and_elements_are_compared_as_a_whole() {
        let facts = json!({
            "containers": {"a": {"id": "1", "state": "running"}, "b": {"id": "2", "state": "exited"}},
            "list": [{"id": "3"}],
        });
        let state = |values: Value| {
            let Value::Array(values) = values else {
                panic!()
            };
            Predicate::one_of(&["containers", "a", "state"], values)
        };
        let absent = |values| Predicate::one_of(&["containers", "c", "state"], values);
        let has = |fields| Predicate::has(&["containers"], fields);
        for (predicate, holds) in [
            (state(json!(["exited", "running"])), true),
            (state(json!(["exited", null])), false),
            (absent(vec![Value::Null, "exited".into()]), true),
            (absent(vec!["exited".into()]), false),
            (has(json!({"id": "1", "state": "running"})), true),
            // Of two elements: no one has both fields.
            (has(json!({"id": "2", "state": "running"})), false),
            (has(json!({"id": "1", "name": "a"})), false),
            (Predicate::has(&["list"], json!({"id": "3"})), true),
            (Predicate::has(&["nothing"], json!({})), false),
        ] {
            assert_eq!(predicate.holds(&facts), holds, "{predicate:?}");
        }
    }
}
