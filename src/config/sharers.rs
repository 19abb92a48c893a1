//! Which other destinations have an accessory on a host: the container of an accessory has no destination in its name, so that they
//! share it with its data.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::HostName;

/// Who else has accessories of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharers {
    /// The destinations that have an accessory, by its name and host; empty: the service without a destination.
    of: BTreeMap<(String, HostName), BTreeSet<String>>,
    /// The files of destinations that cannot be read: nobody knows what they have.
    unreadable: BTreeSet<String>,
}

impl Sharers {
    /// Adds that `destination` has `accessory` on `host`.
    pub fn add(&mut self, accessory: &str, host: &HostName, destination: Option<&str>) {
        let place = (accessory.to_owned(), host.clone());
        let destination = destination.unwrap_or_default().to_owned();
        self.of.entry(place).or_default().insert(destination);
    }

    /// Adds the file of a destination that cannot be read.
    pub(super) fn add_unreadable(&mut self, file: String) {
        self.unreadable.insert(file);
    }

    /// Returns the destinations that have `accessory` on `host`; empty: the service without one.
    pub fn of(&self, accessory: &str, host: &HostName) -> impl Iterator<Item = &str> {
        let found = self.of.get(&(accessory.to_owned(), host.clone()));
        found.into_iter().flatten().map(String::as_str)
    }

    /// Returns the files of destinations that may have any accessory anywhere.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.unreadable.iter().map(String::as_str)
    }
}
