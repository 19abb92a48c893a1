//! `logging`: where docker writes the containers' output.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::Logging;
use crate::config::schema::{Property, filled, record};
use crate::config::values::texts;

pub(super) const KEY: Property = ("logging", schema);

/// The option that bounds a container's log, unless the file has a `logging`.
const DEFAULT_OPTION: (&str, &str) = ("max-size", "10m");

const KEYS: [Property; 2] = [
    ("driver", || filled("docker's `--log-driver`.")),
    ("options", || {
        texts::map_schema("Options of the log driver (`--log-opt`).")
    }),
];

fn schema() -> Value {
    let what = "Where docker writes the containers' output; without it 10 MB per container.";
    record(what, &KEYS)
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Logging {
    if root.get(KEY.0).is_none_or(Field::is_null) {
        let (name, value) = DEFAULT_OPTION;
        return Logging {
            driver: None,
            options: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        };
    }
    let logging = root.section(decoder, KEY.0, &KEYS);
    Logging {
        driver: logging.read(decoder, "driver", Decoder::filled),
        options: logging.collect(decoder, "options", texts::decode_map),
    }
}
