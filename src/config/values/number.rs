//! Whole numbers, in quotes or without.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field};
use crate::config::schema::described;

/// Reads a number of `unit`, at least `minimum`, which is written in decimal digits.
pub(crate) fn decode(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    unit: &str,
    minimum: u32,
) -> Option<u32> {
    let text = decoder.text(field)?;
    let value = digits(&text).and_then(|text| text.parse::<u32>().ok());
    value.filter(|value| *value >= minimum).or_else(|| {
        let help = format!("use a whole number without a unit, at least {minimum}");
        decoder.unlike(field, &format!("a number of {unit}"), &text, help)
    })
}

/// Reads a time in seconds.
pub(crate) fn seconds(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<u32> {
    decode(decoder, field, "seconds", 0)
}

/// Returns the schema.
pub(crate) fn schema(description: &str, minimum: u32) -> Value {
    let kinds = json!({ "anyOf": [
        { "type": "integer", "minimum": minimum, "maximum": u32::MAX },
        { "type": "string", "pattern": "^(0|[1-9][0-9]{0,9})$" },
    ] });
    described(description, kinds)
}

/// Returns `text` if it has decimal digits only, and no leading zero.
pub(crate) fn digits(text: &str) -> Option<&str> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let octal = text.len() > 1 && text.starts_with('0');
    (all && !octal).then_some(text)
}
