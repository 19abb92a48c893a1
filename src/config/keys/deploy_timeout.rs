//! `deploy_timeout`: how long a new container may take to become healthy.

use serde_json::Value;

use super::{healthcheck, servers};
use crate::config::decoder::{Decoder, Field, Record};
use crate::config::schema::Property;
use crate::config::values::number;

pub(super) const KEY: Property = ("deploy_timeout", schema);

fn schema() -> Value {
    let text = "Seconds in which a new container must pass its health check, in place of `healthcheck.max_attempts`.";
    number::schema(text, 1)
}

/// Reads the time, and reports a number of attempts beside it.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Option<u32> {
    let field = root.get(KEY.0)?;
    let global = root.get(healthcheck::KEY.0).cloned();
    let roles = root.get(servers::KEY.0).map(Field::children);
    let roles = roles.unwrap_or_default();
    let roles = roles
        .iter()
        .filter_map(|(_, role)| child(role, healthcheck::KEY.0));
    for check in global.into_iter().chain(roles) {
        if let Some(attempts) = child(&check, healthcheck::MAX_ATTEMPTS) {
            let message = format!("`{}` conflicts with `{}`", attempts.path, KEY.0);
            let help = "keep one of them: both say how long a new container may take";
            decoder.error(attempts.key, message, help);
        }
    }
    number::decode(decoder, field, "seconds", 1)
}

fn child<'n>(field: &Field<'n>, key: &str) -> Option<Field<'n>> {
    let mut entries = field.children().into_iter();
    entries.find_map(|(name, child)| (name == key).then_some(child))
}
