//! The parts that the JSON schema of `deploy.yml` is made of. Each key has its own schema beside what reads it.

use serde_json::{Map, Value, json};

/// A key, and what makes the schema of its value.
pub(super) type Property = (&'static str, fn() -> Value);

/// Text, which may be empty. Numbers and booleans are taken, as the loader takes what was written.
pub(super) fn text(description: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": description })
}

/// Text that is not empty.
pub(super) fn filled(description: &str) -> Value {
    matching(description, "[^\\s]")
}

/// Text that matches `pattern`.
pub(super) fn matching(description: &str, pattern: &str) -> Value {
    let mut text = text(description);
    text["pattern"] = json!(pattern);
    text
}

/// A list; nothing is an empty one.
pub(super) fn list(description: &str, items: &Value) -> Value {
    json!({ "type": ["array", "null"], "items": items, "description": description })
}

/// A map whose keys are free; nothing is an empty one.
pub(super) fn map(description: &str, names: &str, values: &Value) -> Value {
    json!({
        "type": ["object", "null"],
        "propertyNames": { "pattern": names },
        "additionalProperties": values,
        "description": description,
    })
}

/// A map whose keys are known; nothing is an empty one.
pub(super) fn record(description: &str, keys: &[Property]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema()))
        .collect();
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
        "description": description,
    })
}

/// `schema`, or nothing.
pub(super) fn nullable(mut schema: Value) -> Value {
    schema["type"] = match schema["type"].take() {
        Value::Array(mut types) => {
            types.push(json!("null"));
            Value::Array(types)
        }
        one => json!([one, "null"]),
    };
    schema
}

/// `schema` with a description.
pub(super) fn described(description: &str, mut schema: Value) -> Value {
    schema["description"] = json!(description);
    schema
}

/// `schema` with a default.
pub(super) fn with_default(mut schema: Value, default: impl Into<Value>) -> Value {
    schema["default"] = default.into();
    schema
}
