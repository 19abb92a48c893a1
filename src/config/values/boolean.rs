//! Booleans.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field};

/// Reads a boolean: `true` or `false`, without quotes.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<bool> {
    match field.plain() {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => {
            let message = format!("`{}` must be `true` or `false`", field.path);
            let help = "write it without quotes; `yes`, `no`, `on` and `off` are strings";
            decoder.error(field.node.mark, message, help);
            None
        }
    }
}

/// Returns the schema.
pub(crate) fn schema(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}
