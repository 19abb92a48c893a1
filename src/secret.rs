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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_printed() {
        let secrets = Secrets::from([("KEY".to_owned(), Secret::new("some value"))]);
        assert!(!format!("{secrets:?}").contains("value"));
    }
}
