//! Quoting of text for `sh`: the one place where a string becomes part of a script.

use thiserror::Error;

/// The text holds a NUL, which no argument, variable or file name of a process can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("text with a NUL character cannot be handed to a host")]
pub struct NulError;

/// Returns `text` as one word that a POSIX shell reads as exactly that text.
///
/// # Errors
///
/// Fails if `text` holds a NUL.
pub fn quote(text: &str) -> Result<String, NulError> {
    if text.contains('\0') {
        return Err(NulError);
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::{NulError, quote};

    #[test]
    fn words() {
        for (text, quoted) in [
            ("", "''"),
            ("-n", "'-n'"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(x)`y`\\\n\"", "'$(x)`y`\\\n\"'"),
        ] {
            assert_eq!(quote(text).as_deref(), Ok(quoted));
        }
        assert_eq!(quote("a\0b"), Err(NulError));
    }
}
