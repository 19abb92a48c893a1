//! Which user of a host deployed a container: each has a lock and records of its own, and sees none of the others'.

use super::names::{LABEL_SERVICE, LABEL_STATE};

/// Whose containers are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Deployer<'a> {
    /// The service.
    pub service: &'a str,
    /// The destination, if any.
    pub destination: Option<&'a str>,
    /// The state directory of this user.
    pub state_dir: &'a str,
}

impl Deployer<'_> {
    /// Returns the state directory of another user, if a container of the service and destination has the label of one. `label` returns
    /// the value of a label of the container.
    pub fn other<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> Option<&'l str> {
        let state_dir = label(LABEL_STATE)?;
        let is_ours =
            label(LABEL_SERVICE) == Some(self.service) && label("destination") == self.destination;
        (is_ours && state_dir != self.state_dir).then_some(state_dir)
    }
}
