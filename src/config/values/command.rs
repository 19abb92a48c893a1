//! Commands, split into words as a shell does.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field};
use crate::config::schema::text;

/// Returns the schema of the command of a container.
pub(crate) fn schema() -> Value {
    text("Command in place of the image's own, split into words as a shell does.")
}

/// Returns a command, split into words as a shell does.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let Some(text) = decoder.text(field) else {
        return Vec::new();
    };
    shell_words::split(&text).unwrap_or_else(|_| {
        let message = format!("unclosed quote in `{}`", field.path);
        let help =
            "it is split into words like a shell does; for pipes and variables use `sh -c '…'`";
        decoder.error(field.node.mark, message, help);
        Vec::new()
    })
}
