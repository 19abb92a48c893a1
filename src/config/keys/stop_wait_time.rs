//! `stop_wait_time`: how long a container gets to stop.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::number;

const DEFAULT: u32 = 10;

pub(super) const KEY: Property = ("stop_wait_time", || {
    let text = "Seconds that a container gets to stop before it is killed.";
    with_default(number::schema(text, 0), DEFAULT)
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> u32 {
    root.read_or(decoder, KEY.0, number::seconds, DEFAULT)
}
