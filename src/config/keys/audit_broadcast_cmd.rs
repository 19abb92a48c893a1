//! `audit_broadcast_cmd`: the command that is given each line of what was done.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, filled};
use crate::config::values::command;

pub(super) const KEY: Property = ("audit_broadcast_cmd", || {
    filled(
        "Command to run on this machine after a deploy, with a summary line as its last argument; \
         split into words as a shell does.",
    )
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Vec<String> {
    root.collect(decoder, KEY.0, |decoder, field| {
        match decoder.filled(field) {
            Some(_) => command::decode(decoder, field),
            None => Vec::new(),
        }
    })
}
