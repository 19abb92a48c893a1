//! `stop_wait_time`, or `stop_timeout` as Kamal 2 calls it: how long a container gets to stop, of all roles or of one.

use serde_json::Value;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, with_default};
use crate::config::values::number;

const DEFAULT: u32 = 10;

const TEXT: &str = "Seconds that a container gets to stop before it is killed.";

pub(super) const KEY: Property = ("stop_wait_time", || {
    with_default(number::schema(TEXT, 0), DEFAULT)
});

/// Its name in Kamal 2.
pub(super) const LATER: Property = ("stop_timeout", || {
    number::schema("The same as `stop_wait_time`.", 0)
});

/// The same of a role.
pub(super) const OF_ROLE: Property = ("stop_wait_time", role_schema);

fn role_schema() -> Value {
    number::schema(TEXT, 0)
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> u32 {
    of_role(decoder, root).unwrap_or(DEFAULT)
}

/// Reads that of a role, by either name.
pub(super) fn of_role(decoder: &mut Decoder<'_>, role: &Record<'_>) -> Option<u32> {
    if let (Some(_), Some(later)) = (role.get(KEY.0), role.get(LATER.0)) {
        let message = format!("`{}` is another name of `{}`", later.path, KEY.0);
        decoder.error(later.key, message, "keep one of them");
    }
    let time = role.read(decoder, KEY.0, number::seconds);
    let later = role.read(decoder, LATER.0, number::seconds);
    time.or(later)
}
