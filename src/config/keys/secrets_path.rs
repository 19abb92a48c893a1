//! `secrets_path`: where Kamal 2 keeps its secrets files.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, matching};

pub(super) const KEY: Property = ("secrets_path", || {
    let what = "Path of the secrets file, `.kamal/secrets` by default; beside it are PATH-common and PATH.DESTINATION.";
    matching(what, "^[^\\u0000-\\u001f~-][^\\u0000-\\u001f]*$")
});

/// Reads `secrets_path`.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Option<String> {
    let field = root.get(KEY.0)?;
    let path = decoder.filled(field)?;
    if path.starts_with(['~', '-']) || path.contains(char::is_control) {
        let help = "write a path relative to where mrsk runs, such as `config/secrets`, or an absolute one";
        decoder.invalid::<()>(field.node.mark, "path", &path, help);
        return None;
    }
    Some(path)
}
