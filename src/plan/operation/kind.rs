//! The operations, each with its arguments, and all that depends on which one it is.

use super::maintenance::HostOperation;
use super::verbs::{
    Accessories, AccessoryVerb, AppOperation, BuildVerb, Environment, Pruned, Release, Rollback,
    Rolling, StaleContainers, TraefikVerb, Undo,
};

/// The operations, each with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationKind {
    /// Brings a version to the hosts that do not run it.
    Deploy(Release),
    /// Replaces every container of a role; skips host setup and pruning.
    Redeploy(Release),
    /// Starts every accessory, and then deploys.
    Setup(Release),
    /// Runs an earlier version again.
    Rollback(Rollback),
    /// Brings back what served before another plan.
    Undo(Undo),
    /// Does something to the app's containers and images.
    App(AppOperation),
    /// Does something to accessories.
    Accessory(AccessoryVerb, Accessories),
    /// Does something to Traefik.
    Traefik(TraefikVerb),
    /// Does something to a host as a whole.
    Host(HostOperation),
    /// Does something about the image, and starts nothing.
    Build(BuildVerb),
    /// Checks the health of a version in containers beside those that serve, and removes these.
    Healthcheck(Release),
    /// Removes old containers and images.
    Prune(Pruned),
    /// Removes all that the service has on its hosts.
    Remove,
    /// Gives hosts what every deploy relies on.
    ServerBootstrap,
    /// Keeps a login at the registry on hosts.
    RegistryLogin,
    /// Removes the logins that hosts keep.
    RegistryLogout,
    /// An operation of a newer minor version, by its name: only in a plan that is read for review.
    Unknown(String),
}

impl OperationKind {
    /// The names of all operations, as [`OperationKind::name`] has them.
    pub const NAMES: [&str; 49] = [
        "deploy",
        "redeploy",
        "setup",
        "rollback",
        "undo",
        "app boot",
        "app start",
        "app stop",
        "app remove",
        "app remove_container",
        "app remove_containers",
        "app remove_images",
        "app stale_containers",
        "app maintenance",
        "app live",
        "host drain",
        "host undrain",
        "accessory boot",
        "accessory start",
        "accessory stop",
        "accessory restart",
        "accessory reboot",
        "accessory upload",
        "accessory directories",
        "accessory remove",
        "accessory remove_container",
        "accessory remove_image",
        "accessory remove_service_directory",
        "traefik boot",
        "traefik start",
        "traefik stop",
        "traefik restart",
        "traefik reboot",
        "traefik remove",
        "traefik remove_container",
        "traefik remove_image",
        "build deliver",
        "build push",
        "build pull",
        "build create",
        "build remove",
        "healthcheck perform",
        "prune all",
        "prune containers",
        "prune images",
        "remove",
        "server bootstrap",
        "registry login",
        "registry logout",
    ];

    /// Returns the name: the words of the command.
    pub fn name(&self) -> &str {
        match self {
            Self::Deploy(_) => "deploy",
            Self::Redeploy(_) => "redeploy",
            Self::Setup(_) => "setup",
            Self::Rollback(_) => "rollback",
            Self::Undo(_) => "undo",
            Self::App(operation) => operation.name(),
            Self::Accessory(verb, _) => verb.name(),
            Self::Traefik(verb) => verb.name(),
            Self::Host(operation) => operation.name(),
            Self::Build(verb) => verb.name(),
            Self::Healthcheck(_) => "healthcheck perform",
            Self::Prune(pruned) => pruned.name(),
            Self::Remove => "remove",
            Self::ServerBootstrap => "server bootstrap",
            Self::RegistryLogin => "registry login",
            Self::RegistryLogout => "registry logout",
            Self::Unknown(name) => name,
        }
    }

    /// Returns the version whose image is built or pulled; `None` if that is not part of it.
    pub fn release(&self) -> Option<&Release> {
        match self {
            Self::Deploy(release)
            | Self::Redeploy(release)
            | Self::Setup(release)
            | Self::Healthcheck(release) => Some(release),
            Self::Build(verb) => verb.release(),
            _ => None,
        }
    }

    /// Returns the version that is brought to the hosts; `None` if there is none, or it is yet to be found.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Rollback(Rollback { version, .. })
            | Self::Undo(Undo { version, .. })
            | Self::App(AppOperation::Boot(version)) => version.as_deref(),
            _ => self.release().map(|release| release.version.as_str()),
        }
    }

    /// Returns the accessories that are started if they do not exist.
    pub fn booted(&self) -> Option<&Accessories> {
        match self {
            Self::Setup(_) => Some(&Accessories::All),
            Self::Accessory(verb, accessories) if verb.creates() => Some(accessories),
            _ => None,
        }
    }

    /// Returns the accessories that it is about.
    pub fn accessories(&self) -> Option<&Accessories> {
        match self {
            Self::Accessory(_, accessories) => Some(accessories),
            _ => self.booted(),
        }
    }

    /// Returns whether it is about the roles of the app.
    pub fn is_about_roles(&self) -> bool {
        match self {
            Self::Deploy(_)
            | Self::Redeploy(_)
            | Self::Setup(_)
            | Self::Rollback(_)
            | Self::Undo(_)
            | Self::App(_)
            | Self::Traefik(_)
            | Self::Host(_)
            | Self::Healthcheck(_)
            | Self::Prune(_)
            | Self::Remove => true,
            Self::Build(verb) => verb.pulls(),
            Self::Accessory(..)
            | Self::ServerBootstrap
            | Self::RegistryLogin
            | Self::RegistryLogout
            | Self::Unknown(_) => false,
        }
    }

    /// Returns whether it is about every host, whatever runs there.
    pub fn is_about_hosts(&self) -> bool {
        matches!(
            self,
            Self::Remove | Self::ServerBootstrap | Self::RegistryLogin | Self::RegistryLogout
        )
    }

    /// Returns whether it can be about no host at all.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Build(verb) if !verb.pulls())
    }

    /// Returns whether containers of the version are brought to the hosts.
    pub fn deploys(&self) -> bool {
        matches!(self, Self::Deploy(_) | Self::Redeploy(_) | Self::Setup(_))
    }

    /// Returns whether containers are replaced even if they are as they should be.
    pub fn replaces_unchanged(&self) -> bool {
        matches!(self, Self::Redeploy(_) | Self::App(AppOperation::Boot(_)))
    }

    /// Returns whether a host gets what every deploy relies on: the container engine and Traefik.
    pub fn prepares_hosts(&self) -> bool {
        match self {
            Self::Deploy(_)
            | Self::Setup(_)
            | Self::ServerBootstrap
            | Self::RegistryLogin
            | Self::Traefik(TraefikVerb::Boot | TraefikVerb::Reboot(_)) => true,
            Self::Accessory(verb, _) => verb.creates(),
            _ => false,
        }
    }

    /// Returns whether hooks run before and after what it does.
    pub fn runs_hooks(&self) -> bool {
        match self {
            Self::Deploy(_)
            | Self::Redeploy(_)
            | Self::Setup(_)
            | Self::Rollback(_)
            | Self::App(AppOperation::Boot(_))
            | Self::Traefik(TraefikVerb::Reboot(_))
            | Self::ServerBootstrap => true,
            Self::Build(verb) => verb.release().is_some_and(|release| !release.skip_push),
            _ => false,
        }
    }

    /// Returns whether what was done is announced, if the configuration names a command for that.
    pub fn broadcasts(&self) -> bool {
        self.deploys()
            || matches!(
                self,
                Self::Rollback(_)
                    | Self::App(AppOperation::Boot(_))
                    | Self::Accessory(AccessoryVerb::Boot, _)
            )
    }

    /// Returns whether old containers and images are removed.
    pub fn prunes(&self) -> bool {
        matches!(self, Self::Deploy(_) | Self::Setup(_))
    }

    /// Returns whether a person is asked before it changes something: it removes or interrupts what may be in use, or its
    /// target was found by the compiler.
    pub fn is_confirmed(&self) -> bool {
        match self {
            Self::App(operation) => operation.interrupts(),
            Self::Accessory(verb, _) => verb.interrupts(),
            Self::Traefik(verb) => verb.interrupts(),
            Self::Prune(_) | Self::Remove | Self::Build(BuildVerb::Remove) => true,
            _ => false,
        }
    }

    /// Returns whether it removes what accessories have.
    pub fn removes_accessories(&self) -> bool {
        match self {
            Self::Accessory(verb, _) => matches!(
                verb,
                AccessoryVerb::Remove
                    | AccessoryVerb::RemoveContainer
                    | AccessoryVerb::RemoveImage
                    | AccessoryVerb::RemoveDirectory
            ),
            _ => *self == Self::Remove,
        }
    }

    /// Returns whether it replaces what serves, so that a plan can bring that back.
    pub fn can_be_undone(&self) -> bool {
        self.deploys()
            || matches!(
                self,
                Self::Rollback(_) | Self::App(AppOperation::Boot(_) | AppOperation::Start)
            )
    }

    /// Returns whether waits and checks of its switches can be left out.
    pub fn breaks_glass(&self) -> bool {
        matches!(self, Self::Deploy(_) | Self::Rollback(_))
    }

    /// Returns the words that follow its name on the command line.
    pub fn arguments(&self) -> Vec<String> {
        match self {
            Self::Rollback(rollback) => {
                let is_fresh = rollback.environment == Environment::Fresh;
                let option = is_fresh.then(|| "--fresh-env".to_owned());
                rollback.version.iter().cloned().chain(option).collect()
            }
            Self::Accessory(_, accessories) => accessories.names(),
            Self::App(AppOperation::Boot(Some(version))) => {
                vec!["--version".to_owned(), version.clone()]
            }
            Self::Healthcheck(Release { version, .. }) => {
                vec!["--version".to_owned(), version.clone()]
            }
            Self::App(AppOperation::RemoveContainer(version)) => vec![version.clone()],
            Self::App(AppOperation::Maintenance(maintenance)) => maintenance.arguments(),
            Self::App(AppOperation::StaleContainers(StaleContainers::Stop)) => {
                vec!["--stop".to_owned()]
            }
            Self::Traefik(TraefikVerb::Reboot(Rolling::OneByOne)) => vec!["--rolling".to_owned()],
            Self::Build(_) if self.release().is_some_and(|release| release.no_cache) => {
                vec!["--no-cache".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
