//! `boot`: how many hosts get a new version at the same time.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::{Boot, Limit};
use crate::config::schema::{Property, described, record, with_default};
use crate::config::values::number::{self, digits};

pub(super) const KEY: Property = ("boot", schema);

const DEFAULT_WAIT: u32 = 0;

const KEYS: [Property; 2] = [
    ("limit", limit_schema),
    ("wait", || {
        with_default(number::schema("Seconds between groups.", 0), DEFAULT_WAIT)
    }),
];

fn schema() -> Value {
    record("How many hosts get a new version at the same time.", &KEYS)
}

fn limit_schema() -> Value {
    let limit = json!({ "anyOf": [
        { "type": "integer", "minimum": 1 },
        { "type": "string", "pattern": "^([1-9][0-9]*|([1-9][0-9]?|100)%)$" },
    ] });
    let what = "Hosts per group: a number, or a percentage such as `25%`; without it all at once.";
    described(what, limit)
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Boot {
    let boot = root.section(decoder, KEY.0, &KEYS);
    Boot {
        wait: boot.read_or(decoder, "wait", number::seconds, DEFAULT_WAIT),
        limit: boot.read(decoder, "limit", limit),
    }
}

fn limit(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Limit> {
    let text = decoder.text(field)?;
    let number = |text: &str, limits: RangeInclusive<u32>| {
        let number = digits(text)?.parse().ok()?;
        limits.contains(&number).then_some(number)
    };
    let limit = match text.strip_suffix('%') {
        Some(share) => number(share, 1..=100).map(Limit::Percent),
        None => number(&text, 1..=u32::MAX).map(Limit::Hosts),
    };
    limit.or_else(|| {
        let help = "use a number such as `10`, or a percentage from `1%` to `100%`";
        decoder.unlike(field, "a number of hosts or a percentage", &text, help)
    })
}
