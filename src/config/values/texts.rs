//! Lists and maps of free text.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::decoder::{Decoder, Field};
use crate::config::schema::{filled, list, map, text};

/// Returns the schema of a list of text that is not empty.
pub(crate) fn list_schema(description: &str) -> Value {
    list(description, &filled("Value."))
}

/// Returns the schema of a map of names without `=` to text.
pub(crate) fn map_schema(description: &str) -> Value {
    map(description, "^[^=]+$", &text("Value."))
}

/// Reads a map of names without `=` to text.
pub(crate) fn decode_map(decoder: &mut Decoder<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, child) in decoder.entries(field) {
        if name.is_empty() || name.contains(['=', '\0']) {
            let help = "a name must not be empty or contain `=` or NUL";
            decoder.invalid::<()>(child.key, "name", &child.path, help);
        } else if let Some(value) = decoder.text(&child) {
            texts.insert(name.to_owned(), value);
        }
    }
    texts
}

/// Reads a list of text that is not empty.
pub(crate) fn decode_list(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let items = decoder.items(field).into_iter();
    items.filter_map(|item| decoder.filled(&item)).collect()
}
