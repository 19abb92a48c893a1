//! `retain_containers`: how many stopped containers are kept for a rollback.

use serde_json::Value;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::Property;
use crate::config::values::number::Number;

pub(super) const KEY: Property = ("retain_containers", schema);

/// Days for which stopped containers are kept without it.
pub(super) const RETAIN_DAYS: u32 = 3;

const CONTAINERS: Number = Number {
    unit: "containers",
    minimum: 0,
};

fn schema() -> Value {
    CONTAINERS.schema(
        "Stopped containers that a deploy leaves per role and host for a rollback, the one that it stops among them; without it those of the last three days.",
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Option<u32> {
    CONTAINERS.decode(decoder, root, KEY.0)
}
