//! Looks for secret values in a plan that is about to be printed.

use serde_json::Value;

use crate::secret::Secrets;
use crate::{json, redaction};

/// A secret value in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The secret's name.
    pub secret: String,
    /// RFC 6901 pointer to the text that holds it.
    pub place: String,
}

/// Returns the first text of `document` that holds a whole secret in one of its [forms](redaction::whole_forms). A line
/// of one may be any word, such as a field's name.
pub fn find(document: &Value, secrets: &Secrets) -> Option<Leak> {
    let needles: Vec<(&str, String)> = secrets
        .iter()
        .flat_map(|(name, secret)| {
            redaction::whole_forms(secret)
                .into_iter()
                .map(move |form| (name.as_str(), form))
        })
        .collect();
    search(document, &needles, &mut String::new())
}

fn search(value: &Value, needles: &[(&str, String)], place: &mut String) -> Option<Leak> {
    let leak = |text: &str, place: &str| {
        let (name, _) = needles
            .iter()
            .find(|(_, needle)| text.contains(needle.as_str()))?;
        Some(Leak {
            secret: (*name).to_owned(),
            place: place.to_owned(),
        })
    };
    let length = place.len();
    match value {
        Value::String(text) => leak(text, place),
        Value::Array(list) => list.iter().enumerate().find_map(|(index, item)| {
            json::push_token(place, &index.to_string());
            let found = search(item, needles, place);
            place.truncate(length);
            found
        }),
        Value::Object(map) => map.iter().find_map(|(key, item)| {
            json::push_token(place, key);
            let found = leak(key, place).or_else(|| search(item, needles, place));
            place.truncate(length);
            found
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_value_is_found_as_it_is_and_in_base64() {
        let secrets = Secrets::from([
            ("LONG".to_owned(), Secret::new("line one\n\"two\"")),
            ("SHORT".to_owned(), Secret::new("abc")),
        ]);
        let place = |document: Value| find(&document, &secrets).map(|leak| leak.place);
        let encoded = STANDARD.encode("line one\n\"two\"");
        assert_eq!(
            place(serde_json::json!({"a": ["x", "pre line one\n\"two\" post"]})),
            Some("/a/1".into())
        );
        assert_eq!(
            place(serde_json::json!({"a/b": encoded})),
            Some("/a~1b".into())
        );
        assert_eq!(place(serde_json::json!({"a": "abc"})), None);
        assert_eq!(place(serde_json::json!({"line one": "line one"})), None);
    }
}
