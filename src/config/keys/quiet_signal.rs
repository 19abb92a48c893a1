//! `quiet_signal` of a role: what tells a worker to take no more work.

use serde_json::Value;

use super::stop_signal;
use crate::config::decoder::{Decoder, Record};
use crate::config::schema::Property;

pub(super) const KEY: Property = ("quiet_signal", schema);

fn schema() -> Value {
    stop_signal::schema_of(
        "Signal that tells an old container of a role without Traefik to take no more work, such as `SIGTSTP`.",
    )
}

/// Reads that of a role.
pub(super) fn decode(decoder: &mut Decoder<'_>, role: &Record<'_>) -> Option<String> {
    role.read(decoder, KEY.0, stop_signal::signal)
}

/// Reports that of a role to which Traefik sends requests: these are taken away from an old container.
pub(super) fn refuse(decoder: &mut Decoder<'_>, role: &Record<'_>) {
    let Some(field) = role.get(KEY.0) else {
        return;
    };
    let message = format!("`{}` conflicts with Traefik", field.path);
    let help = "remove it: an old container gets no more requests, and `drain_timeout` waits for those that it has";
    decoder.error(field.key, message, help);
}
