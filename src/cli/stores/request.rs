//! What is asked of a store, and what it gives.

use super::call::StoreError;

/// Values by the names that their store has for them, in its order.
pub(super) type Found = Vec<(String, String)>;

/// What is asked of a store.
pub(super) struct Request<'a> {
    pub(super) account: Option<&'a str>,
    pub(super) from: Option<&'a str>,
    pub(super) names: &'a [String],
}

impl Request<'_> {
    /// Returns the names, each with what `--from` says in front.
    pub(super) fn prefixed(&self) -> Vec<String> {
        let names = self.names.iter();
        match self.from {
            None => names.cloned().collect(),
            Some(from) => names.map(|name| format!("{from}/{name}")).collect(),
        }
    }

    /// Returns the account, which must be there.
    pub(super) fn account(&self) -> Result<&str, StoreError> {
        let missing =
            || StoreError::new("this adapter needs an account", "add `--account ACCOUNT`");
        self.account.ok_or_else(missing)
    }
}
