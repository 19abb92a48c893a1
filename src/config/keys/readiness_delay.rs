//! `readiness_delay`: how long a container of a role without Traefik has to stay up.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::number;

const DEFAULT: u32 = 7;

pub(super) const KEY: Property = ("readiness_delay", || {
    let text = "Seconds that a container of a role without Traefik has to stay up, if its image has no health check.";
    with_default(number::schema(text, 0), DEFAULT)
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> u32 {
    root.read_or(decoder, KEY.0, number::seconds, DEFAULT)
}
