//! `service`: the name of the app.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::schema::{Property, matching};

pub(super) const KEY: Property = ("service", schema);

fn schema() -> Value {
    matching(
        "Name of the app: containers, routes and locks begin with it.",
        "^[a-z0-9][a-z0-9_.-]{0,62}$",
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> String {
    root.read(decoder, KEY.0, name).unwrap_or_default()
}

fn name(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decoder.filled(field)?;
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let allowed = |byte: u8| first(byte) || b"_.-".contains(&byte);
    if name.len() <= 63 && name.bytes().next().is_some_and(first) && name.bytes().all(allowed) {
        return Some(name);
    }
    let help = "use lowercase letters, digits, `_`, `.` and `-`; start with a letter or digit; at most 63 characters";
    decoder.invalid(field.node.mark, "service name", &name, help)
}
