//! What the configuration says of the container of a role or an accessory.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::name::SecretVariable;

/// An environment: what stands in the file, and the names of what is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Env {
    /// Values that stand in the file.
    pub clear: BTreeMap<String, String>,
    /// Secret variables, sorted.
    pub secret: Vec<SecretVariable>,
}

/// One option of docker's command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DockerOption {
    /// The name without dashes, such as `cap-add`.
    pub name: String,
    /// The value; `None` for a flag that takes none.
    pub value: Option<String>,
}

/// The assets of a role's image that containers of two versions share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assets {
    /// Their directory in the image, absolute.
    pub path: String,
    /// `z` or `Z`: how SELinux labels what is mounted there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux: Option<String>,
}

impl Env {
    /// Returns the names of the secrets that it has the values of.
    pub fn secret_names(&self) -> Vec<String> {
        let secrets = self.secret.iter();
        let names: BTreeSet<String> = secrets.map(|variable| variable.secret.clone()).collect();
        Vec::from_iter(names)
    }

    /// Returns whether it sets nothing.
    pub fn is_empty(&self) -> bool {
        self.clear.is_empty() && self.secret.is_empty()
    }
}
