//! `stop_signal`: what asks a container to stop, of all roles or of one.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::schema::{Property, matching};

const PATTERN: &str = "^([A-Z][A-Z0-9]*([+-][0-9]+)?|[1-9][0-9]?)$";

pub(super) const KEY: Property = ("stop_signal", schema);

fn schema() -> Value {
    let what =
        "Signal that asks a container to stop, such as `SIGQUIT`; without it the image's own.";
    matching(what, PATTERN)
}

/// Reads the signal of the file, or of a role.
pub(super) fn decode(decoder: &mut Decoder<'_>, record: &Record<'_>) -> Option<String> {
    record.read(decoder, KEY.0, signal)
}

fn signal(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    let (name, offset) = text.split_once(['+', '-']).unwrap_or((&text, "0"));
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name
            .bytes()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        && offset.parse::<u8>().is_ok();
    let is_number = text
        .parse::<u8>()
        .is_ok_and(|number| (1..=64).contains(&number));
    if !is_name && !is_number {
        let help = "use a name such as `SIGTERM` or `QUIT`, or a number";
        return decoder.invalid(field.node.mark, "signal", &text, help);
    }
    Some(text)
}
