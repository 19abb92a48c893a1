//! `retain_containers`: how many stopped containers are kept for a rollback.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::Property;
use crate::config::values::number;

/// Days for which stopped containers are kept without it.
pub(super) const RETAIN_DAYS: u32 = 3;

pub(super) const KEY: Property = ("retain_containers", || {
    let kept =
        "Stopped containers to keep for each role on each host. Default: those of the last 3 days.";
    number::schema(kept, 0)
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Option<u32> {
    root.read(decoder, KEY.0, |decoder, field| {
        number::decode(decoder, field, "containers", 0)
    })
}
