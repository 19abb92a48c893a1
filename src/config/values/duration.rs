//! Times with a unit, as docker and the tools that call it write them.

use serde_json::{Value, json};

use super::number::digits;
use crate::config::decoder::{Decoder, Field};
use crate::config::schema::described;

const PATTERN: &str = "^(0|[1-9][0-9]{0,8})(ms|s|m|h)?$";

/// Reads a time in milliseconds, at least 1. A number without a unit is one of seconds.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<u32> {
    let text = decoder.filled(field)?;
    parse(&text)
        .filter(|milliseconds| *milliseconds > 0)
        .or_else(|| {
            let help = "use a whole number with `ms`, `s`, `m` or `h` behind it, such as `10s`";
            decoder.unlike(field, "a time", &text, help)
        })
}

/// Returns the schema.
pub(crate) fn schema(description: &str) -> Value {
    let kinds = json!({ "anyOf": [
        { "type": "integer", "minimum": 1 },
        { "type": "string", "pattern": PATTERN },
    ] });
    described(description, kinds)
}

fn parse(text: &str) -> Option<u32> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let with_unit = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = with_unit.unwrap_or((text, 1000));
    digits(number)?.parse::<u32>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("10s", Some(10_000)),
            ("10", Some(10_000)),
            ("500ms", Some(500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("1.5s", None),
            ("s", None),
            ("010s", None),
            ("9999999h", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
