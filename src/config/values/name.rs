//! Names of roles and accessories: parts of containers' names.

use crate::config::decoder::{Decoder, Field};

/// What a name matches in the schema.
pub(crate) const PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$";

/// Checks the name of a `what`, which is the key of `field`. Returns whether it is valid.
pub(crate) fn check(decoder: &mut Decoder<'_>, what: &str, name: &str, field: &Field<'_>) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let valid = (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(allowed);
    if !valid {
        let help = "use letters, digits, `_`, `.` and `-`; start with a letter or digit; at most 63 characters";
        decoder.invalid::<()>(field.key, &format!("{what} name"), name, help);
    }
    valid
}
