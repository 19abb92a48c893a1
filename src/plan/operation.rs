//! What was asked for: the part of a plan that names the command.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::Accessory;
use crate::name::{HostName, RoleName};

/// Name of the operation that brings a version to the hosts that do not run it.
pub const DEPLOY: &str = "deploy";

/// Name of the operation that replaces every container, and leaves alone what a host needs to have once: the engine, Traefik,
/// and what is pruned.
pub const REDEPLOY: &str = "redeploy";

/// Name of the operation that starts accessories.
pub const ACCESSORY_BOOT: &str = "accessory boot";

/// Name of the operation that starts every accessory, and then deploys.
pub const SETUP: &str = "setup";

/// Stands for every accessory in [`Operation::accessories`].
pub const ALL_ACCESSORIES: &str = "all";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Operation {
    /// The command: [`DEPLOY`], [`REDEPLOY`], [`SETUP`] or [`ACCESSORY_BOOT`].
    pub name: String,
    /// The version that was asked for, or found.
    pub version: String,
    /// `--hosts`; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
    /// `--roles`; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleName>,
    /// The accessories that are started, [`ALL_ACCESSORIES`] for every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessories: Vec<String>,
    /// `--destination`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// `--skip-push`: the image is in the registry already.
    #[serde(default)]
    pub skip_push: bool,
}

impl Operation {
    /// Whether it replaces also containers that are as they should be, and prepares no host.
    pub fn is_redeploy(&self) -> bool {
        self.name == REDEPLOY
    }

    /// Whether containers of roles are looked at.
    pub fn deploys(&self) -> bool {
        self.name != ACCESSORY_BOOT
    }

    /// Whether it starts `accessory` where it does not exist.
    pub fn boots(&self, accessory: &Accessory) -> bool {
        let mut names = self.accessories.iter();
        names.any(|name| *name == accessory.name || name == ALL_ACCESSORIES)
    }
}
