//! `sshkit`: limits of the library that the original connects with.

use serde_json::Value;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, record};
use crate::config::values::number;

pub(super) const KEY: Property = ("sshkit", schema);

const KEYS: [Property; 2] = [
    ("max_concurrent_starts", || {
        number::schema(
            "No effect: `--parallel N` limits how many hosts are worked on at a time.",
            1,
        )
    }),
    ("pool_idle_timeout", || {
        number::schema(
            "No effect: connections stay open as long as a run needs them.",
            0,
        )
    }),
];

fn schema() -> Value {
    record("Limits of MRSK and Kamal, without an effect.", &KEYS)
}

/// Checks the limits, and says what limits connections here.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Record<'_>) {
    let sshkit = root.section(decoder, KEY.0, &KEYS);
    for (key, minimum, unit, help) in [
        (
            "max_concurrent_starts",
            1,
            "connections",
            "use `--parallel N`, and remove the key",
        ),
        (
            "pool_idle_timeout",
            0,
            "seconds",
            "connections stay open as long as a run needs them: remove the key",
        ),
    ] {
        let Some(field) = sshkit.get(key) else {
            continue;
        };
        if number::decode(decoder, field, unit, minimum).is_some() {
            let message = format!("`{}` has no effect", field.path);
            decoder.warn(field.key, message, help);
        }
    }
}
