//! `stop_wait_time`: how long a container gets to stop.

use serde_json::Value;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::number::SECONDS;

pub(super) const KEY: Property = ("stop_wait_time", schema);
const DEFAULT: u32 = 10;

fn schema() -> Value {
    with_default(
        SECONDS.schema("Seconds that a container gets to stop before it is killed."),
        DEFAULT,
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> u32 {
    SECONDS.decode(decoder, root, KEY.0).unwrap_or(DEFAULT)
}
