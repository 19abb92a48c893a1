//! The strict reader: one pass over a text, without a tree of values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The largest integer that every JSON reader keeps exactly (RFC 7493): 2^53 - 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// What is told of each part of a text, in its order. Nothing is done by default.
pub(super) trait Events {
    /// `null`, `true` or `false`.
    fn literal(&mut self, _text: &'static str) {}
    /// An integer; none is beyond [`MAX_INTEGER`].
    fn integer(&mut self, _value: i64) {}
    /// A string.
    fn string(&mut self, _text: &str) {}
    /// The beginning of an array.
    fn begin_array(&mut self) {}
    /// An element of the array follows; how many it already has.
    fn element(&mut self, _before: usize) {}
    /// The end of the array.
    fn end_array(&mut self) {}
    /// The beginning of an object.
    fn begin_object(&mut self) {}
    /// A key of the object; its value follows.
    fn key(&mut self, _key: &str) {}
    /// The end of the object.
    fn end_object(&mut self) {}
}

/// Tells nobody: the text is only checked.
impl Events for () {}

/// Reads `text`, and tells `events` of its parts until something is wrong.
pub(super) fn walk(text: &str, events: &mut impl Events) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict(events).deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Reads one value.
struct Strict<'e, E>(&'e mut E);

impl<'de, E: Events> DeserializeSeed<'de> for Strict<'_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, E: Events> Visitor<'de> for Strict<'_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<R>(self, value: bool) -> Result<(), R> {
        self.0.literal(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_u64<R: Error>(self, value: u64) -> Result<(), R> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(too_large(value)),
        }
    }

    fn visit_i64<R: Error>(self, value: i64) -> Result<(), R> {
        if value.unsigned_abs() > MAX_INTEGER {
            return Err(too_large(value));
        }
        self.0.integer(value);
        Ok(())
    }

    fn visit_f64<R: Error>(self, value: f64) -> Result<(), R> {
        Err(R::custom(format_args!(
            "{value} is not an integer up to 2^53-1"
        )))
    }

    fn visit_str<R>(self, text: &str) -> Result<(), R> {
        self.0.string(text);
        Ok(())
    }

    fn visit_unit<R>(self) -> Result<(), R> {
        self.0.literal("null");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        self.0.begin_array();
        let mut length = 0;
        while access.next_element_seed(Element(self.0, length))?.is_some() {
            length += 1;
        }
        self.0.end_array();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        self.0.begin_object();
        let mut keys = Keys::default();
        while let Some(key) = access.next_key_seed(Key)? {
            self.0.key(&key);
            access.next_value_seed(Strict(&mut *self.0))?;
            if let Some(key) = keys.add(key) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
        }
        self.0.end_object();
        Ok(())
    }
}

fn too_large<R: Error>(number: impl fmt::Display) -> R {
    R::custom(format_args!("{number} is beyond 2^53-1"))
}

/// Reads the element of an array that has so many before it.
struct Element<'e, E>(&'e mut E, usize);

impl<'de, E: Events> DeserializeSeed<'de> for Element<'_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.element(self.1);
        Strict(self.0).deserialize(deserializer)
    }
}

/// Reads a key; one without escapes is not copied.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<R>(self, text: &'de str) -> Result<Self::Value, R> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<R>(self, text: &str) -> Result<Self::Value, R> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// From this number of keys on, they are hashed.
const MANY: usize = 24;

/// The keys of an object.
#[derive(Default)]
struct Keys<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Keys<'de> {
    /// Adds a key; returns it if it is there already.
    fn add(&mut self, key: Cow<'de, str>) -> Option<Cow<'de, str>> {
        if self.many.is_empty() && self.few.len() < MANY {
            if self.few.contains(&key) {
                return Some(key);
            }
            self.few.push(key);
            return None;
        }
        self.many.extend(self.few.drain(..));
        match self.many.contains(&key) {
            true => Some(key),
            false => {
                self.many.insert(key);
                None
            }
        }
    }
}
