//! `boot`: how many hosts get a new version at the same time.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::servers;
use crate::config::decoder::{Decoder, Field, Record, choice, shown};
use crate::config::model::{Boot, Limit};
use crate::config::schema::{self, Property, described, record, with_default};
use crate::config::values::boolean;
use crate::config::values::number::{self, digits};
use crate::name::RoleName;

pub(super) const KEY: Property = ("boot", schema);

const DEFAULT_WAIT: u32 = 0;
const DEFAULT_MAX_FAILURES: u32 = 0;

const KEYS: [Property; 5] = [
    ("limit", limit_schema),
    ("wait", || {
        with_default(number::schema("Seconds between groups.", 0), DEFAULT_WAIT)
    }),
    ("max_failures", || {
        let hosts = "Hosts that may fail before a deploy stops; the canary may not.";
        with_default(number::schema(hosts, 0), DEFAULT_MAX_FAILURES)
    }),
    ("parallel_roles", || {
        let parallel = boolean::schema(
            "Whether roles switch at the same time; `false`: one after the other, in the order of the file.",
        );
        with_default(parallel, true)
    }),
    ("role_order", || {
        let role = json!({ "type": "string", "minLength": 1, "description": "Name of a role." });
        schema::list(
            "Roles that switch one after the other; those that are not named follow at the same time.",
            &role,
        )
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
        max_failures: boot.read_or(decoder, "max_failures", max_failures, DEFAULT_MAX_FAILURES),
        role_order: role_order(decoder, &boot, &servers::role_names(root)),
    }
}

/// Returns the roles that switch one after the other; empty if all of them switch at the same time.
fn role_order(decoder: &mut Decoder<'_>, boot: &Record<'_>, known: &[&str]) -> Vec<RoleName> {
    let parallel = boot.read_or(decoder, "parallel_roles", boolean::decode, true);
    let Some(field) = boot.get("role_order") else {
        let all = known.iter().map(|role| RoleName::from(*role));
        return all.filter(|_| !parallel).collect();
    };
    let mut order: Vec<RoleName> = Vec::new();
    for item in decoder.items(field) {
        let Some(name) = decoder.filled(&item) else {
            continue;
        };
        if !known.contains(&name.as_str()) {
            let message = format!("unknown role `{}`", shown(&name));
            let help = choice(&name, "roles", known);
            decoder.error(item.node.mark, message, help);
        } else if order.iter().any(|other| other.as_str() == name) {
            let message = format!("duplicate role `{name}`");
            decoder.error(item.node.mark, message, "remove one of them");
        } else {
            order.push(RoleName::from(name));
        }
    }
    order
}

fn max_failures(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<u32> {
    number::decode(decoder, field, "hosts", 0)
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
