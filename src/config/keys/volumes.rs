//! `volumes`: what the containers of every role mount.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::Property;
use crate::config::values::{texts, volume};

pub(super) const KEY: Property = ("volumes", || {
    texts::list_schema(
        "What docker's `--volume` takes, as `HOST:CONTAINER`, for the containers of every role.",
    )
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Vec<String> {
    root.collect(decoder, KEY.0, volume::decode_list)
}
