//! `healthcheck`: when a new container gets requests.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record, shown};
use crate::config::model::Healthcheck;
use crate::config::schema::{Property, matching, record, with_default};
use crate::config::values::number::Number;
use crate::config::values::port;

pub(super) const KEY: Property = ("healthcheck", schema);

const DEFAULT_PATH: &str = "/up";
const DEFAULT_PORT: u16 = 3000;
const DEFAULT_ATTEMPTS: u32 = 7;

const ATTEMPTS: Number = Number {
    unit: "attempts",
    minimum: 1,
};

const KEYS: [Property; 3] = [
    ("path", || {
        let path = matching(
            "Path of the request that must be answered with 200.",
            "^/[^\\s]*$",
        );
        with_default(path, DEFAULT_PATH)
    }),
    ("port", || {
        with_default(
            port::schema("Port that the app listens on in its container."),
            DEFAULT_PORT,
        )
    }),
    ("max_attempts", || {
        with_default(
            ATTEMPTS.schema("How often it is asked, with 4 seconds between."),
            DEFAULT_ATTEMPTS,
        )
    }),
];

fn schema() -> Value {
    record("When a new container gets requests.", &KEYS)
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Healthcheck {
    let check = root.section(decoder, KEY.0, &KEYS);
    let attempts = ATTEMPTS.decode(decoder, &check, "max_attempts");
    Healthcheck {
        path: check
            .read(decoder, "path", path)
            .unwrap_or_else(|| DEFAULT_PATH.to_owned()),
        port: check
            .read(decoder, "port", port::decode)
            .unwrap_or(DEFAULT_PORT),
        max_attempts: attempts.unwrap_or(DEFAULT_ATTEMPTS),
    }
}

fn path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.text(field)?;
    let valid =
        path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control());
    if !valid {
        decoder.error(
            field.node.mark,
            format!("`{}` is not a valid URL path", shown(&path)),
            "use a leading slash and no whitespace, such as `/up`",
        );
    }
    valid.then_some(path)
}
