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
            (Op::Eq, Some(actual), Some(wanted)) => actual == wanted,
            (Op::Contains, Some(Value::Array(list)), Some(wanted)) => list.contains(wanted),
            (Op::Contains, Some(Value::Object(map)), Some(Value::String(key))) => {
                map.contains_key(key)
            }
            _ => false,
        }
    }
}
