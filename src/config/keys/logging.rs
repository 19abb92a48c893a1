//! `logging`: where docker writes the containers' output.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::Logging;
use crate::config::schema::{Property, filled, record};
use crate::config::values::texts;

pub(super) const KEY: Property = ("logging", schema);

/// That of a role.
pub(super) const OF_ROLE: Property = ("logging", || {
    record(
        "Where docker writes its containers' output, merged over the global one.",
        &KEYS,
    )
});

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

/// Reads what a file, or a role, says of it; `None` if it says nothing.
pub(super) fn decode(decoder: &mut Decoder<'_>, record: &Record<'_>) -> Option<Logging> {
    if record.get(KEY.0).is_none_or(Field::is_null) {
        return None;
    }
    let logging = record.section(decoder, KEY.0, &KEYS);
    Some(Logging {
        driver: logging.read(decoder, "driver", Decoder::filled),
        options: logging.collect(decoder, "options", texts::decode_map),
    })
}

/// Returns what holds for all containers.
pub(super) fn or_default(global: Option<Logging>) -> Logging {
    global.unwrap_or_else(|| {
        let (name, value) = DEFAULT_OPTION;
        Logging {
            driver: None,
            options: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        }
    })
}

/// Reads that of a role, merged over the `global` one key by key; `None` if the role has none.
pub(super) fn of_role(
    decoder: &mut Decoder<'_>,
    role: &Record<'_>,
    global: Option<&Logging>,
) -> Option<Logging> {
    let own = decode(decoder, role)?;
    let global = global.cloned();
    let mut options = global
        .as_ref()
        .map_or_else(BTreeMap::new, |global| global.options.clone());
    options.extend(own.options);
    let merged = Logging {
        driver: own
            .driver
            .or_else(|| global.and_then(|global| global.driver)),
        options,
    };
    (merged.driver.is_some() || !merged.options.is_empty()).then_some(merged)
}
