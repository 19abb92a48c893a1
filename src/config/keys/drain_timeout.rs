//! `drain_timeout`: how long the requests in flight get after the switch.

use serde_json::Value;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::number::SECONDS;

pub(super) const KEY: Property = ("drain_timeout", schema);
const DEFAULT: u32 = 30;

fn schema() -> Value {
    with_default(
        SECONDS.schema("Seconds that requests in flight get before their container is stopped."),
        DEFAULT,
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> u32 {
    SECONDS.decode(decoder, root, KEY.0).unwrap_or(DEFAULT)
}
