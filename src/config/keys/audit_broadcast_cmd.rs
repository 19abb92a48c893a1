//! `audit_broadcast_cmd`: the command that is given each line of what was done.

use serde_json::Value;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, filled};
use crate::config::values::command;

pub(super) const KEY: Property = ("audit_broadcast_cmd", schema);

fn schema() -> Value {
    filled(
        "Command on this machine that is given each line of what was done, split into words as a shell does.",
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Vec<String> {
    let words = root.read(decoder, KEY.0, |decoder, field| {
        decoder.filled(field)?;
        Some(command::decode(decoder, field))
    });
    words.unwrap_or_default()
}
