//! `readiness_delay`: how long a container of a role without Traefik has to stay up.

use serde_json::Value;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::number::SECONDS;

pub(super) const KEY: Property = ("readiness_delay", schema);
const DEFAULT: u32 = 7;

fn schema() -> Value {
    with_default(SECONDS.schema("Seconds that a container of a role without Traefik has to stay up, if its image has no health check."), DEFAULT)
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> u32 {
    SECONDS.decode(decoder, root, KEY.0).unwrap_or(DEFAULT)
}
