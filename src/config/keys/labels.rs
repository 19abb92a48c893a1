//! `labels`: labels of the containers of every role.

use std::collections::BTreeMap;

use crate::config::decoder::{Decoder, Record};
use crate::config::model::Role;
use crate::config::schema::Property;
use crate::config::values::labels;

pub(super) const KEY: Property = ("labels", || {
    labels::schema("Labels of the containers of every role. Those of Traefik become routes.")
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> BTreeMap<String, String> {
    root.collect(decoder, KEY.0, labels::decode_routed)
}

/// Warns of labels of Traefik if it sends requests to no role.
pub(super) fn check_routed(decoder: &mut Decoder<'_>, root: &Record<'_>, roles: &[Role]) {
    if roles.is_empty() || roles.iter().any(|role| role.traefik) {
        return;
    }
    let entries = root.collect(decoder, KEY.0, Decoder::entries);
    let mut routes = entries.iter().filter(|(label, _)| labels::is_route(label));
    if let Some((label, field)) = routes.next() {
        let message = format!("label `{label}` has no effect: no role has Traefik");
        let help = "set `traefik: true` for the roles that serve requests, or remove the label";
        decoder.warn(field.key, message, help);
    }
}
