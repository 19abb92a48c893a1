//! `volumes`: what the containers of every role mount.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::Property;
use crate::config::values::{texts, volume};

pub(super) const KEY: Property = ("volumes", || {
    texts::list_schema(
        "What docker's `--volume` takes, as `HOST:CONTAINER`, for the containers of every role.",
    )
});

/// Those of a role.
pub(super) const OF_ROLE: Property = ("volumes", || {
    texts::list_schema(
        "What docker's `--volume` takes, as `HOST:CONTAINER`, beside the volumes of every role.",
    )
});

/// Reads those of the whole file, or of a role.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Vec<String> {
    root.collect(decoder, KEY.0, volume::decode_list)
}
