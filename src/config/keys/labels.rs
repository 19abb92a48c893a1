//! `labels`: labels of the containers of every role.

use std::collections::BTreeMap;

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::Property;
use crate::config::values::labels;

pub(super) const KEY: Property = ("labels", || {
    labels::schema("Labels of the containers of every role. Those of Traefik become routes.")
});

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> BTreeMap<String, String> {
    root.collect(decoder, KEY.0, labels::decode_routed)
}
