//! Numbers.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Record, shown};
use crate::config::schema::described;

/// A whole number, in quotes or without.
pub(crate) struct Number {
    /// What is counted.
    pub(crate) unit: &'static str,
    /// The smallest one.
    pub(crate) minimum: u32,
}

/// A time in seconds.
pub(crate) const SECONDS: Number = Number {
    unit: "seconds",
    minimum: 0,
};

impl Number {
    /// Reads the number of `key`, which is written in decimal digits.
    pub(crate) fn decode(
        &self,
        decoder: &mut Decoder<'_>,
        record: &Record<'_>,
        key: &str,
    ) -> Option<u32> {
        let Self { unit, minimum } = self;
        let field = record.get(key)?;
        let text = decoder.text(field)?;
        let value = digits(&text).and_then(|text| text.parse::<u32>().ok());
        if let Some(value) = value.filter(|value| value >= minimum) {
            return Some(value);
        }
        decoder.error(
            field.node.mark,
            format!(
                "`{}` must be a number of {unit}, not `{}`",
                field.path,
                shown(&text)
            ),
            format!("use a whole number without a unit, at least {minimum}"),
        );
        None
    }

    /// Returns the schema.
    pub(crate) fn schema(&self, description: &str) -> Value {
        described(
            description,
            json!({ "anyOf": [
                { "type": "integer", "minimum": self.minimum, "maximum": u32::MAX },
                { "type": "string", "pattern": "^(0|[1-9][0-9]{0,9})$" },
            ] }),
        )
    }
}

/// Returns `text` if it has decimal digits only, and no leading zero.
pub(crate) fn digits(text: &str) -> Option<&str> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let octal = text.len() > 1 && text.starts_with('0');
    (all && !octal).then_some(text)
}
