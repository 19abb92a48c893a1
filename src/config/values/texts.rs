//! Lists and maps of free text.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, shown};
use crate::config::schema::{filled, list, map, text};

/// The longest word of a command that Linux takes, in bytes, with the NUL at its end.
pub const MAX_ARGUMENT: usize = 128 << 10;

/// What to do about a value that is longer.
pub(crate) const TOO_LONG_HELP: &str = "Linux passes at most 128 KiB in one argument or variable: put it into a file, and mount \
                                        that";

/// Returns the most bytes that `name` with `value` has as a word of a command, `--option=NAME=VALUE`.
pub fn argument_length(name: &str, value: &str) -> usize {
    const AROUND: usize = 16;
    name.len()
        .saturating_add(value.len())
        .saturating_add(AROUND)
}

/// Returns the error of the `what` named `name`, which is longer than that. The value is not shown.
pub(crate) fn too_long(what: &str, name: &str) -> String {
    format!("the value of {what} `{}` is too long", shown(name))
}

/// Returns the schema of a list of text that is not empty.
pub(crate) fn list_schema(description: &str) -> Value {
    list(description, &filled("Value."))
}

/// Returns the schema of a map of names without `=` to text.
pub(crate) fn map_schema(description: &str) -> Value {
    map(description, "^[^=]+$", &text("Value."))
}

/// Reads entries of a map of names without `=` to text. Returns those that are valid.
pub(crate) fn decode_entries<'n>(
    decoder: &mut Decoder<'_>,
    entries: Vec<(&'n str, Field<'n>)>,
) -> Vec<(String, String, Field<'n>)> {
    let mut texts = Vec::new();
    for (name, child) in entries {
        if name.is_empty() || name.contains(['=', '\0']) {
            let help = "a name must not be empty or contain `=` or NUL";
            decoder.invalid::<()>(child.key, "name", &child.path, help);
        } else if let Some(value) = decoder.text(&child) {
            if argument_length(name, &value) > MAX_ARGUMENT {
                decoder.error(child.key, too_long("argument", name), TOO_LONG_HELP);
                continue;
            }
            texts.push((name.to_owned(), value, child));
        }
    }
    texts
}

/// Reads a map of names without `=` to text.
pub(crate) fn decode_map(decoder: &mut Decoder<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let entries = decoder.entries(field);
    let texts = decode_entries(decoder, entries).into_iter();
    texts.map(|(name, value, _)| (name, value)).collect()
}
