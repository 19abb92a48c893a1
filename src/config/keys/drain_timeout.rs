//! `drain_timeout`: how long open requests get after the switch.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::number;

const DEFAULT: u32 = 30;

pub(super) const KEY: Property = ("drain_timeout", || {
    let text = "Seconds that requests in flight get before their container is stopped.";
    with_default(number::schema(text, 0), DEFAULT)
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> u32 {
    root.read_or(decoder, KEY.0, number::seconds, DEFAULT)
}
