//! What was asked for: an operation with its arguments, and what it is limited to.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::Accessory;
use crate::name::{HostName, RoleName};

/// Stands for every accessory where accessories are named.
const ALL: &str = "all";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Flat", into = "Flat")]
#[schemars(with = "Flat")]
pub struct Operation {
    /// What is done, with its arguments.
    pub kind: OperationKind,
    /// `--destination`.
    pub destination: Option<String>,
    /// `--hosts`; empty: all.
    pub hosts: Vec<HostName>,
    /// `--roles`; empty: all.
    pub roles: Vec<RoleName>,
}

/// The operations, each with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationKind {
    /// Brings a version to the hosts that do not run it.
    Deploy(Release),
    /// Replaces every container of a role; skips host setup and pruning.
    Redeploy(Release),
    /// Starts every accessory, and then deploys.
    Setup(Release),
    /// Starts accessories.
    AccessoryBoot(Accessories),
    /// Keeps a login at the registry on hosts.
    RegistryLogin,
    /// Removes the logins that hosts keep.
    RegistryLogout,
    /// An operation of a newer minor version, by its name: only in a plan that is read for review.
    Unknown(String),
}

/// A version that is brought to hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version that was asked for, or found.
    pub version: String,
    /// `--skip-push`: the image is in the registry already.
    pub skip_push: bool,
}

/// Which accessories an operation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accessories {
    /// Every one of the configuration.
    All,
    /// Those with these names.
    Named(Vec<String>),
}

impl OperationKind {
    /// The names of all operations, as [`OperationKind::name`] has them.
    pub const NAMES: [&str; 6] = [
        "deploy",
        "redeploy",
        "setup",
        "accessory boot",
        "registry login",
        "registry logout",
    ];

    /// Returns the name: the words of the command.
    pub fn name(&self) -> &str {
        match self {
            Self::Deploy(_) => "deploy",
            Self::Redeploy(_) => "redeploy",
            Self::Setup(_) => "setup",
            Self::AccessoryBoot(_) => "accessory boot",
            Self::RegistryLogin => "registry login",
            Self::RegistryLogout => "registry logout",
            Self::Unknown(name) => name,
        }
    }

    /// Returns the version that is brought to the hosts; `None` if there is none.
    pub fn release(&self) -> Option<&Release> {
        match self {
            Self::Deploy(release) | Self::Redeploy(release) | Self::Setup(release) => Some(release),
            Self::AccessoryBoot(_)
            | Self::RegistryLogin
            | Self::RegistryLogout
            | Self::Unknown(_) => None,
        }
    }

    /// Returns the accessories that are started if they do not exist.
    pub fn booted(&self) -> Option<&Accessories> {
        match self {
            Self::Setup(_) => Some(&Accessories::All),
            Self::AccessoryBoot(accessories) => Some(accessories),
            Self::Deploy(_)
            | Self::Redeploy(_)
            | Self::RegistryLogin
            | Self::RegistryLogout
            | Self::Unknown(_) => None,
        }
    }

    /// Returns whether it is about every host, whatever runs there.
    pub fn is_about_hosts(&self) -> bool {
        matches!(self, Self::RegistryLogin | Self::RegistryLogout)
    }

    /// Returns whether containers are replaced even if they are as they should be.
    pub fn replaces_unchanged(&self) -> bool {
        matches!(self, Self::Redeploy(_))
    }

    /// Returns whether a host gets what every deploy relies on: the container engine and Traefik.
    pub fn prepares_hosts(&self) -> bool {
        matches!(
            self,
            Self::Deploy(_) | Self::Setup(_) | Self::AccessoryBoot(_) | Self::RegistryLogin
        )
    }

    /// Returns whether old containers and images are removed.
    pub fn prunes(&self) -> bool {
        matches!(self, Self::Deploy(_) | Self::Setup(_))
    }
}

impl Operation {
    /// Returns the name: the words of the command.
    pub fn name(&self) -> &str {
        self.kind.name()
    }

    /// Returns the version that is brought to the hosts; `None` if there is none.
    pub fn version(&self) -> Option<&str> {
        self.kind.release().map(|release| release.version.as_str())
    }

    /// Returns whether a version is brought to hosts.
    pub fn deploys(&self) -> bool {
        self.kind.release().is_some()
    }

    /// Returns whether the image is taken from the registry instead of being built.
    pub fn skips_push(&self) -> bool {
        self.kind.release().is_some_and(|release| release.skip_push)
    }

    /// Returns whether `accessory` is started if it does not exist.
    pub fn boots(&self, accessory: &Accessory) -> bool {
        let booted = self.kind.booted();
        booted.is_some_and(|booted| booted.contain(accessory))
    }
}

impl Accessories {
    /// Returns the accessories that `names` stand for: `all` stands for every one.
    pub fn named(names: &[String]) -> Self {
        match names.iter().any(|name| name == ALL) {
            true => Self::All,
            false => {
                let mut names = names.to_vec();
                let mut seen = BTreeSet::new();
                names.retain(|name| seen.insert(name.clone()));
                Self::Named(names)
            }
        }
    }

    /// Returns whether `accessory` is one of them.
    pub fn contain(&self, accessory: &Accessory) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&accessory.name),
        }
    }

    /// Returns their names, or `all`: as they are written behind a command.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::All => vec![ALL.to_owned()],
            Self::Named(names) => names.clone(),
        }
    }
}

/// An operation as a plan has it: its name, and those of the arguments that it takes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Operation", deny_unknown_fields)]
struct Flat {
    /// What is done: the words of the command.
    #[schemars(extend("enum" = OperationKind::NAMES))]
    name: String,
    /// The version that was asked for, or found; absent if the operation takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// `--hosts`; absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<HostName>,
    /// `--roles`; absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<RoleName>,
    /// The accessories that it is about, `all` for every one; absent if the operation takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accessories: Option<Vec<String>>,
    /// `--destination`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    /// `--skip-push`: the image is in the registry already. Absent if the operation takes no version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip_push: Option<bool>,
}

impl Flat {
    fn release(&mut self) -> Result<Release, String> {
        let version = self.version.take();
        Ok(Release {
            version: version.ok_or_else(|| self.lacks("version"))?,
            skip_push: self.skip_push.take().unwrap_or_default(),
        })
    }

    fn accessories(&mut self) -> Result<Accessories, String> {
        let names = self.accessories.take();
        let names = names.ok_or_else(|| self.lacks("accessories"))?;
        Ok(Accessories::named(&names))
    }

    fn lacks(&self, argument: &str) -> String {
        format!("operation `{}` needs `{argument}`", self.name)
    }

    /// Refuses an argument that nothing has taken.
    fn check_taken(&self) -> Result<(), String> {
        let left = [
            ("version", self.version.is_some()),
            ("skip_push", self.skip_push.is_some()),
            ("accessories", self.accessories.is_some()),
        ];
        match left.iter().find(|(_, is_there)| *is_there) {
            Some((argument, _)) => Err(format!("operation `{}` takes no `{argument}`", self.name)),
            None => Ok(()),
        }
    }
}

impl TryFrom<Flat> for Operation {
    type Error = String;

    fn try_from(mut flat: Flat) -> Result<Self, String> {
        let kind = match flat.name.as_str() {
            "deploy" => OperationKind::Deploy(flat.release()?),
            "redeploy" => OperationKind::Redeploy(flat.release()?),
            "setup" => OperationKind::Setup(flat.release()?),
            "accessory boot" => OperationKind::AccessoryBoot(flat.accessories()?),
            "registry login" => OperationKind::RegistryLogin,
            "registry logout" => OperationKind::RegistryLogout,
            name => return Err(format!("unknown operation `{name}`")),
        };
        flat.check_taken()?;
        Ok(Self {
            kind,
            destination: flat.destination,
            hosts: flat.hosts,
            roles: flat.roles,
        })
    }
}

impl From<Operation> for Flat {
    fn from(operation: Operation) -> Self {
        let flat = Self {
            name: operation.name().to_owned(),
            hosts: operation.hosts,
            roles: operation.roles,
            destination: operation.destination,
            ..Self::default()
        };
        match operation.kind {
            OperationKind::Deploy(release)
            | OperationKind::Redeploy(release)
            | OperationKind::Setup(release) => Self {
                version: Some(release.version),
                skip_push: Some(release.skip_push),
                ..flat
            },
            OperationKind::AccessoryBoot(accessories) => Self {
                accessories: Some(accessories.names()),
                ..flat
            },
            OperationKind::RegistryLogin
            | OperationKind::RegistryLogout
            | OperationKind::Unknown(_) => flat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn each_operation_is_written_flat_and_read_again() {
        let table = [
            json!({"name": "deploy", "version": "1", "skip_push": false}),
            json!({"name": "redeploy", "version": "1", "destination": "staging", "skip_push": true}),
            json!({"name": "setup", "version": "1", "hosts": ["a"], "roles": ["web"], "skip_push": false}),
            json!({"name": "accessory boot", "accessories": ["all"]}),
            json!({"name": "accessory boot", "hosts": ["a"], "accessories": ["db", "redis"]}),
            json!({"name": "registry login", "hosts": ["a"]}),
            json!({"name": "registry logout"}),
        ];
        let mut names = Vec::new();
        for flat in table {
            let operation: Operation = serde_json::from_value(flat.clone()).unwrap();
            names.push(operation.name().to_owned());
            assert_eq!(serde_json::to_value(&operation).unwrap(), flat);
        }
        names.dedup();
        assert_eq!(names, OperationKind::NAMES);
    }

    #[test]
    fn an_operation_has_the_arguments_that_it_takes() {
        let table: [(Value, &str); 7] = [
            (json!({"name": "destroy"}), "unknown operation `destroy`"),
            (
                json!({"name": "deploy"}),
                "operation `deploy` needs `version`",
            ),
            (
                json!({"name": "deploy", "version": "1", "accessories": ["db"]}),
                "operation `deploy` takes no `accessories`",
            ),
            (
                json!({"name": "accessory boot"}),
                "operation `accessory boot` needs `accessories`",
            ),
            (
                json!({"name": "accessory boot", "accessories": ["db"], "version": "1"}),
                "operation `accessory boot` takes no `version`",
            ),
            (
                json!({"name": "accessory boot", "accessories": ["db"], "skip_push": false}),
                "operation `accessory boot` takes no `skip_push`",
            ),
            (
                json!({"name": "registry login", "version": "1"}),
                "operation `registry login` takes no `version`",
            ),
        ];
        for (flat, message) in table {
            let read: Result<Operation, _> = serde_json::from_value(flat);
            assert_eq!(read.unwrap_err().to_string(), message);
        }
    }
}
