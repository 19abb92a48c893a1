//! JSON as documents that outlive a run need it: a strict reader, and RFC 6901 pointers.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The largest integer that every JSON reader keeps exactly (RFC 7493): 2^53 - 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Reads JSON that every reader reads alike.
///
/// # Errors
/// Text that is not JSON; a duplicate key, a fraction, an integer beyond [`MAX_INTEGER`], more than 127 levels.
pub fn read(text: &str) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Returns what is wrong, without serde's list of everything that it knows.
pub fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.find(", expected one of");
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Returns the pointer that leads through `tokens`.
pub fn pointer<T: AsRef<str>>(tokens: &[T]) -> String {
    let mut pointer = String::new();
    for token in tokens {
        push_token(&mut pointer, token.as_ref());
    }
    pointer
}

/// Appends `token` to `pointer`.
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// Returns the tokens of `pointer`.
pub fn tokens(pointer: &str) -> Vec<String> {
    let tokens = pointer.split('/').skip(1);
    tokens
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// Reads one value.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        integer(value, value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        integer(value, value.unsigned_abs())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Err(E::custom(format_args!(
            "{value} is not an integer up to 2^53-1"
        )))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(Strict)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(Strict)?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

fn integer<E: Error>(number: impl Into<Number>, size: u64) -> Result<Value, E> {
    let number = number.into();
    if size > MAX_INTEGER {
        return Err(E::custom(format_args!("{number} is beyond 2^53-1")));
    }
    Ok(Value::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_readers_would_read_differently_is_an_error() {
        let deep = "[".repeat(200);
        let table = [
            (r#"{"a": 1, "a": 1}"#, "duplicate key `a`"),
            (r#"[{"a/b": {"x": [], "x": 0}}]"#, "duplicate key `x`"),
            ("1.5", "1.5 is not an integer"),
            ("1e400", "out of range"),
            ("9007199254740992", "9007199254740992 is beyond 2^53-1"),
            ("-9007199254740992", "-9007199254740992 is beyond 2^53-1"),
            ("{} {}", "trailing characters"),
            ("", "EOF"),
            (&deep, "recursion limit"),
        ];
        for (text, expected) in table {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let text = r#"{"b": [null, true, -9007199254740991, "é"], "a": {}}"#;
        assert_eq!(
            read(text).unwrap(),
            json!({"b": [null, true, -9_007_199_254_740_991_i64, "é"], "a": {}})
        );
    }

    #[test]
    fn a_pointer_leads_to_the_value_and_back_to_its_tokens() {
        let value = json!({"a/b": {"~1": {"": 7}}});
        let path = ["a/b", "~1", ""];
        let pointer = pointer(&path);
        assert_eq!(pointer, "/a~1b/~01/");
        assert_eq!(value.pointer(&pointer), Some(&json!(7)));
        assert_eq!(tokens(&pointer), path);
        assert!(tokens("").is_empty());
    }
}
