//! `boot`: how many hosts get a new version at the same time.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record, shown};
use crate::config::model::{Boot, Limit};
use crate::config::schema::{Property, described, record, with_default};
use crate::config::values::number::{SECONDS, digits};

pub(super) const KEY: Property = ("boot", schema);

const DEFAULT_WAIT: u32 = 0;

const KEYS: [Property; 2] = [
    ("limit", limit_schema),
    ("wait", || {
        with_default(SECONDS.schema("Seconds between groups."), DEFAULT_WAIT)
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
    described(
        "Hosts per group: a number, or a percentage such as `25%`; without it all at once.",
        limit,
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Boot {
    let boot = root.section(decoder, KEY.0, &KEYS);
    let wait = SECONDS.decode(decoder, &boot, "wait");
    Boot {
        limit: boot.read(decoder, "limit", limit),
        wait: wait.unwrap_or(DEFAULT_WAIT),
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
    if limit.is_none() {
        decoder.error(
            field.node.mark,
            format!(
                "`{}` must be a number of hosts or a percentage, not `{}`",
                field.path,
                shown(&text)
            ),
            "use a number such as `10`, or a percentage from `1%` to `100%`",
        );
    }
    limit
}
