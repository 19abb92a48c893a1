//! `retain_containers`: how many stopped containers are kept for a rollback.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::Property;
use crate::config::values::number;

/// Days for which stopped containers are kept without it.
pub(super) const RETAIN_DAYS: u32 = 3;

pub(super) const KEY: Property = ("retain_containers", || {
    let kept = "Stopped containers that a deploy leaves per role and host for a rollback, the \
                one that it stops among them; without it those of the last three days.";
    number::schema(kept, 0)
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Option<u32> {
    root.read(decoder, KEY.0, |decoder, field| {
        number::decode(decoder, field, "containers", 0)
    })
}
