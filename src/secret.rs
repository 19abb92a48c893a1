//! Secret values: they can be handed to a process, and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// A secret value. It has no `Display` and no `Serialize`, its `Debug` is redacted, and its memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Returns the value in clear. Only the code that hands it to a process, hashes it, or scans for leaks may call this.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Secret values by name.
pub type Secrets = BTreeMap<String, Secret>;

/// The shortest value that is searched for in texts, in bytes: shorter ones would be found in anything.
pub const SHORTEST: usize = 6;

/// Returns `text` with the values of `secrets`, and the lines of those that have several, redacted.
pub fn redact(text: &str, secrets: &Secrets) -> String {
    let mut text = text.to_owned();
    for secret in secrets.values() {
        let value = secret.reveal();
        for part in std::iter::once(value).chain(value.lines()) {
            if part.len() >= SHORTEST && text.contains(part) {
                text = text.replace(part, "[REDACTED]");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_their_lines_are_redacted() {
        let secrets = Secrets::from([
            ("KEY".to_owned(), Secret::new("first line\nsecond line")),
            ("PIN".to_owned(), Secret::new("1234")),
        ]);
        assert_eq!(
            redact("1234 second line, first line\nsecond line.", &secrets),
            "1234 [REDACTED], [REDACTED]."
        );
        assert!(!format!("{secrets:?}").contains("line"));
    }
}
