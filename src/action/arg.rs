//! Arguments of commands.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::StepId;

/// One argument of a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arg {
    /// The argument itself.
    Literal(String),
    /// The value of this variable, looked up at apply. Used only for a registry's user name that is given by name:
    /// docker takes it in no other way, and a user name is not a secret.
    FromEnv(String),
    /// The image that a step of the same plan pushed, by its digest. Used only where a host pulls it.
    Pushed(PushedImage),
}

/// An image that a step pushes. Its digest is known once it was pushed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PushedImage {
    /// The step that pushes it.
    pub pushed_by: StepId,
    /// Where it is pushed to, as `REPOSITORY:TAG`, which stands for it where nobody knows the digest.
    pub reference: String,
}

impl PushedImage {
    /// Returns `REPOSITORY@DIGEST`, or `REPOSITORY:TAG` if no digest is known.
    pub fn named(&self, digest: Option<&str>) -> String {
        match digest {
            Some(digest) => format!("{}@{digest}", self.repository()),
            None => self.reference.clone(),
        }
    }

    /// Returns where it is pushed to, without the tag.
    pub fn repository(&self) -> &str {
        let tagged = self.reference.rsplit_once(':');
        let tagged = tagged.filter(|(_, tag)| !tag.contains('/'));
        tagged.map_or(self.reference.as_str(), |(repository, _)| repository)
    }
}

/// The wire form of [`Arg::FromEnv`].
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FromEnv {
    /// The variable's name.
    from_env: String,
}

impl Serialize for Arg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Arg::Literal(text) => serializer.serialize_str(text),
            Arg::FromEnv(name) => FromEnv {
                from_env: name.clone(),
            }
            .serialize(serializer),
            Arg::Pushed(image) => image.serialize(serializer),
        }
    }
}

/// The fields of an argument that is not a text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    from_env: Option<String>,
    pushed_by: Option<StepId>,
    reference: Option<String>,
}

impl Named {
    /// Returns the argument; `None` if fields are missing, or of both kinds.
    fn into_arg(self) -> Option<Arg> {
        match (self.from_env, self.pushed_by, self.reference) {
            (Some(name), None, None) => Some(Arg::FromEnv(name)),
            (None, Some(pushed_by), Some(reference)) => Some(Arg::Pushed(PushedImage {
                pushed_by,
                reference,
            })),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Arg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Arg;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a string, {\"from_env\": NAME} or {\"pushed_by\": STEP, \"reference\": IMAGE}",
                )
            }

            fn visit_str<E>(self, text: &str) -> Result<Arg, E> {
                Ok(Arg::Literal(text.to_owned()))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Arg, A::Error> {
                let named = Named::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let unexpected = serde::de::Unexpected::Map;
                let arg = named.into_arg();
                arg.ok_or_else(|| serde::de::Error::invalid_value(unexpected, &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Arg {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Arg".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let from_env = generator.subschema_for::<FromEnv>();
        let pushed = generator.subschema_for::<PushedImage>();
        schemars::json_schema!({
            "description": "A literal argument, the name of a variable whose value is looked up at apply, or an image that a step pushed.",
            "oneOf": [{"type": "string"}, from_env, pushed]
        })
    }
}
