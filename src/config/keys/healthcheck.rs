//! `healthcheck`: when a new container gets requests.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::Healthcheck;
use crate::config::schema::{Property, matching, record, with_default};
use crate::config::values::{number, port};

pub(super) const KEY: Property = ("healthcheck", schema);

const DEFAULT_PATH: &str = "/up";
const DEFAULT_PORT: u16 = 3000;
const DEFAULT_ATTEMPTS: u32 = 7;

const KEYS: [Property; 3] = [
    ("path", || {
        let path = "Path of the request that must be answered with 200.";
        with_default(matching(path, "^/[^\\s]*$"), DEFAULT_PATH)
    }),
    ("port", || {
        let port = port::schema("Port that the app listens on in its container.");
        with_default(port, DEFAULT_PORT)
    }),
    ("max_attempts", || {
        let attempts = number::schema(
            "Number of attempts of 4 seconds each; an attempt asks several times a second.",
            1,
        );
        with_default(attempts, DEFAULT_ATTEMPTS)
    }),
];

fn schema() -> Value {
    record(
        "Health check: a new container gets no requests before it passes.",
        &KEYS,
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Healthcheck {
    let check = root.section(decoder, KEY.0, &KEYS);
    let attempts = |decoder: &mut _, field: &_| number::decode(decoder, field, "attempts", 1);
    Healthcheck {
        max_attempts: check.read_or(decoder, "max_attempts", attempts, DEFAULT_ATTEMPTS),
        path: check.read_or(decoder, "path", path, DEFAULT_PATH),
        port: check.read_or(decoder, "port", port::decode, DEFAULT_PORT),
    }
}

fn path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.filled(field)?;
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let help = "use a leading slash and no whitespace, such as `/up`";
        return decoder.invalid(field.node.mark, "URL path", &path, help);
    }
    Some(path)
}
