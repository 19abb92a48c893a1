//! Variables that a plan sets for a command, with values that are not secret.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// The value itself.
    Literal(String),
    /// What only the run knows that applies the plan.
    FromRun(FromRun),
}

/// What only a run knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FromRun {
    /// When the command starts: a UTC time as `2026-01-31T12:00:00Z`.
    Time,
    /// Who applies the plan.
    Performer,
    /// Whole seconds since the run began.
    Runtime,
}

/// The wire form of [`Variable::FromRun`].
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfRun {
    /// What the value is.
    from_run: FromRun,
}

impl FromRun {
    /// Returns its name in a plan.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Performer => "performer",
            Self::Runtime => "runtime",
        }
    }
}

impl From<&str> for Variable {
    fn from(text: &str) -> Self {
        Self::Literal(text.to_owned())
    }
}

impl From<FromRun> for Variable {
    fn from(value: FromRun) -> Self {
        Self::FromRun(value)
    }
}

impl Serialize for Variable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Literal(text) => serializer.serialize_str(text),
            Self::FromRun(value) => OfRun { from_run: *value }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Variable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or {\"from_run\": NAME}")
            }

            fn visit_str<E>(self, text: &str) -> Result<Variable, E> {
                Ok(Variable::from(text))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Variable, A::Error> {
                OfRun::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(|value| Variable::FromRun(value.from_run))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Variable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Variable".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let from_run = generator.subschema_for::<OfRun>();
        schemars::json_schema!({
            "description": "A literal value, or the name of what only the run knows.",
            "oneOf": [{"type": "string"}, from_run]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_read() {
        let read = |text: &str| serde_json::from_str::<Variable>(text).ok();
        assert_eq!(read(r#""a""#), Some(Variable::from("a")));
        for value in [FromRun::Time, FromRun::Performer, FromRun::Runtime] {
            let text = format!(r#"{{"from_run":"{}"}}"#, value.name());
            assert_eq!(read(&text), Some(Variable::FromRun(value)));
            let written = serde_json::to_string(&Variable::FromRun(value)).unwrap();
            assert_eq!(written, text);
        }
        for text in [
            r#"{"from_run":"host"}"#,
            r#"{"from_run":"time","more":1}"#,
            r#"{"from_env":"A"}"#,
            "{}",
            "1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
