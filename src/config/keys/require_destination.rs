//! `require_destination`: whether a command without `-d` is an error.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::boolean;

pub(super) const KEY: Property = ("require_destination", || {
    let required = boolean::schema("Whether a command without a destination (`-d`) is an error.");
    with_default(required, false)
});

/// Reports a command without a destination, if the file requires one.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Record<'_>, destination: Option<&str>) {
    let required = root.read_or(decoder, KEY.0, boolean::decode, false);
    if let Some(field) = root
        .get(KEY.0)
        .filter(|_| required && destination.is_none())
    {
        let help = "name one with `-d DESTINATION`, or remove `require_destination`";
        decoder.error(field.key, "a destination is required", help);
    }
}
