//! What the configuration says of hooks.

use serde::Serialize;

/// Where hooks are, and what they get.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hooks {
    /// Their directory, relative to where the command was started; absent: the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Names of the secrets that they have in their environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

impl Hooks {
    /// Returns whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.path.is_none() && self.secrets.is_empty()
    }
}
