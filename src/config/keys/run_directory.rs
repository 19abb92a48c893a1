//! `run_directory`: where MRSK 0.12 and later keep their lock and audit log on a host.

use crate::config::decoder::{Decoder, Record};
use crate::config::schema::{Property, matching};

pub(super) const KEY: Property = ("run_directory", || {
    let what = "No effect: mrsk keeps its state in /var/lib/mrsk, or in ~/.mrsk.";
    matching(what, "^[^-\\s][^\\s]*$")
});

/// Says that the directory is not used: all runs on a host, of whatever file, must find each other's locks.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Record<'_>) {
    let Some(field) = root.get(KEY.0) else { return };
    let Some(path) = decoder.filled(field) else {
        return;
    };
    if path.starts_with('-') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let help = "use a path without whitespace, or remove the key";
        decoder.invalid::<()>(field.node.mark, "path", &path, help);
        return;
    }
    let message = format!("`{}` has no effect", KEY.0);
    let help = "mrsk keeps its state in /var/lib/mrsk, or in ~/.mrsk, where every run finds it: remove the key if no \
                other tool reads this file";
    decoder.warn(field.key, message, help);
}
