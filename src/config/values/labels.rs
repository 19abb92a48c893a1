//! Labels of containers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field};
use crate::config::schema::{map, text};
use crate::config::values::texts::{MAX_ARGUMENT, TOO_LONG_HELP, argument_length, too_long};

/// Labels by which mrsk finds its containers again.
const OWN: [&str; 3] = ["service", "role", "destination"];

/// What labels that mrsk sets itself begin with.
const OWN_PREFIX: &str = "mrsk.";

/// Returns whether Traefik makes a router, a service or a middleware of the label `name`.
pub(crate) fn is_route(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let sections = ["traefik.http.", "traefik.tcp.", "traefik.udp."];
    sections.iter().any(|section| name.starts_with(section))
}

/// Returns the schema: labels but those that mrsk sets itself.
pub(crate) fn schema(description: &str) -> Value {
    let mut labels = map(description, "^[^=\\s]+$", &text("Value."));
    labels["propertyNames"]["not"] =
        json!({ "anyOf": [{ "enum": OWN }, { "pattern": "^mrsk\\." }] });
    labels
}

/// Reads a map of labels.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let labels = valid_labels(decoder, field).into_iter();
    labels.map(|(name, value, _)| (name, value)).collect()
}

/// Reads the labels of roles, of which Traefik may refuse some.
pub(crate) fn decode_routed(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, value, child) in valid_labels(decoder, field) {
        decoder.routes(&name, &child);
        labels.insert(name, value);
    }
    labels
}

fn valid_labels<'n>(
    decoder: &mut Decoder<'_>,
    field: &Field<'n>,
) -> Vec<(String, String, Field<'n>)> {
    let mut labels = Vec::new();
    for (name, child) in decoder.entries(field) {
        let invalid = |c: char| c == '=' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.contains(invalid) {
            let help = "a name must not be empty or contain `=`, whitespace or control characters";
            decoder.invalid::<()>(child.key, "label name", &child.path, help);
        } else if OWN.contains(&name) || name.starts_with(OWN_PREFIX) {
            let help = "choose another name: mrsk finds its containers by this label";
            decoder.error(child.key, format!("label `{name}` is reserved"), help);
        } else if let Some(value) = decoder.text(&child) {
            if argument_length(name, &value) > MAX_ARGUMENT {
                decoder.error(child.key, too_long("label", name), TOO_LONG_HELP);
                continue;
            }
            labels.push((name.to_owned(), value, child));
        }
    }
    labels
}
