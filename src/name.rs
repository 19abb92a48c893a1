//! Newtypes for the names that run through every layer, so that a host is never passed as a role.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest;

/// The text of a name. A plan has each name many times: a copy shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Shared(Arc<str>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Shared;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Shared, E> {
                Ok(Shared(text.into()))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

macro_rules! string_newtypes {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(#[schemars(with = "String")] Shared);

        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Shared(text.into()))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }
    )+};
}

string_newtypes! {
    /// A host as the configuration names it, without user and port: `192.168.0.1`, `app1.example.com`.
    HostName,
    /// A role: a group of hosts that run the same command, such as `web` or `job`.
    RoleName,
    /// The stable, readable identity of a step: `HOST/AREA/SUBJECT/VERB`, or `local/…`.
    StepId,
    /// A SHA-256 as 64 lower-case hexadecimal digits, without a prefix.
    Sha256Hex,
    /// The digest of a plan: `sha256:` and 64 hexadecimal digits.
    PlanDigest,
    /// One execution of `mrsk apply`: 32 random hexadecimal digits. Written as the fence on every host.
    RunId,
}

impl Sha256Hex {
    /// Returns the SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from(digest::sha256(bytes))
    }

    /// Returns whether it has the form of a SHA-256.
    pub fn is_valid(&self) -> bool {
        digest::is_sha256(self.as_str())
    }
}

impl PlanDigest {
    /// Returns the digest with these hexadecimal digits.
    pub fn from_digits(digits: &str) -> Self {
        Self::from(digest::prefixed(digits))
    }

    /// Returns its hexadecimal digits; `None` if it does not have the form of a digest.
    pub fn digits(&self) -> Option<&str> {
        digest::digits(self.as_str())
    }
}

impl StepId {
    /// Returns the directory name of this step on a host: the first 32 hexadecimal digits of the SHA-256 of the id,
    /// so that no text of a plan ever becomes a path.
    pub fn hash(&self) -> String {
        digest::sha256(self.as_str().as_bytes())[..32].to_owned()
    }
}

/// Whether `text` is the owner of a file as `chown` takes it: `USER` or `USER:GROUP`, by names or numbers.
pub fn is_file_owner(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        !part.is_empty() && !part.starts_with(['-', '.']) && part.bytes().all(is_safe)
    };
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    is_part(user) && is_part(group)
}

/// A variable that a process gets, and the secret whose value it has. Written as `NAME` if both have the same name, else as
/// `NAME:SECRET`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretVariable {
    /// The variable's name.
    pub name: String,
    /// The secret's name.
    pub secret: String,
}

impl SecretVariable {
    /// Takes apart what was written. Neither name is checked.
    pub fn parse(text: &str) -> Self {
        let (name, secret) = text.split_once(':').unwrap_or((text, text));
        Self {
            name: name.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Returns whether both have the same name.
    pub fn is_plain(&self) -> bool {
        self.name == self.secret
    }
}

impl From<&str> for SecretVariable {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl fmt::Display for SecretVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_plain() {
            true => f.write_str(&self.name),
            false => write!(f, "{}:{}", self.name, self.secret),
        }
    }
}

impl Serialize for SecretVariable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretVariable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

impl JsonSchema for SecretVariable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretVariable".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A variable with the value of the secret of the same name, or `NAME:SECRET` with that of another.",
            "type": "string"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_as_it_is_written() {
        for (text, name, secret) in [("A", "A", "A"), ("A:B", "A", "B"), ("A:B:C", "A", "B:C")] {
            let variable = SecretVariable::from(text);
            assert_eq!((&*variable.name, &*variable.secret), (name, secret));
            assert_eq!(variable.to_string(), text);
        }
        assert_eq!(SecretVariable::from("A:A").to_string(), "A");
    }
}
