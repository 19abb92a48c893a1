//! The operations of groups, such as `app stop`, and what operations are about.

use std::collections::BTreeSet;

use super::maintenance::Maintenance;
use crate::config::model::Accessory;
use crate::name::PlanDigest;

/// Stands for every accessory where accessories are named.
const ALL: &str = "all";

/// A version that is brought to hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version that was asked for, or found.
    pub version: String,
    /// `--skip-push`: the image is in the registry already.
    pub skip_push: bool,
    /// `--no-cache`: nothing of an earlier build is used.
    pub no_cache: bool,
}

/// The return to what served before a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The plan that is undone.
    pub plan: PlanDigest,
    /// The version that served before it; `None` if there was none, or another one on each host.
    pub version: Option<String>,
}

/// What becomes of roles that left the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orphans {
    /// They are only named.
    #[default]
    Named,
    /// Their routes and containers are removed.
    Removed,
}

/// How often the release command runs for a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReleaseRuns {
    /// Once.
    #[default]
    Once,
    /// Also if it has run.
    Again,
}

/// Which version runs again, and with which environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The version that was asked for, or found. `None`: the compiler finds it.
    pub version: Option<String>,
    /// What its containers see.
    pub environment: Environment,
}

/// What the containers of an earlier version see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// The variables and secrets that its containers have; today's where there is none.
    Kept,
    /// Today's, in new containers of its image.
    Fresh,
}

/// An operation on the app's containers and images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppOperation {
    /// Replaces every container of a role, from the image that the host has. `None`: by one of the version that runs.
    Boot(Option<String>),
    /// Starts the containers that ran last, where none does.
    Start,
    /// Takes the requests away from the running containers, and stops them.
    Stop,
    /// Stops and removes the containers, and removes the images.
    Remove,
    /// Removes the containers of a version.
    RemoveContainer(String),
    /// Removes the containers that do not run.
    RemoveContainers,
    /// Removes the images that no container uses.
    RemoveImages,
    /// Looks for containers that run beside the one that serves.
    StaleContainers(StaleContainers),
    /// Answers requests with 503 in place of the app.
    Maintenance(Maintenance),
    /// Ends that.
    Live,
}

/// What is done with containers that run beside the one that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleContainers {
    /// They are named.
    Show,
    /// They are stopped.
    Stop,
}

impl AppOperation {
    /// Returns the words of the command.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Boot(_) => "app boot",
            Self::Start => "app start",
            Self::Stop => "app stop",
            Self::Remove => "app remove",
            Self::RemoveContainer(_) => "app remove_container",
            Self::RemoveContainers => "app remove_containers",
            Self::RemoveImages => "app remove_images",
            Self::StaleContainers(_) => "app stale_containers",
            Self::Maintenance(_) => "app maintenance",
            Self::Live => "app live",
        }
    }

    /// Returns whether it removes something, or interrupts what serves.
    pub const fn interrupts(&self) -> bool {
        match self {
            Self::Boot(_) | Self::Start | Self::Live => false,
            Self::Maintenance(_)
            | Self::Stop
            | Self::Remove
            | Self::RemoveContainer(_)
            | Self::RemoveContainers
            | Self::RemoveImages
            | Self::StaleContainers(_) => true,
        }
    }
}

/// What is done to accessories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessoryVerb {
    /// Starts those that do not exist.
    Boot,
    /// Starts those that do not run.
    Start,
    /// Stops those that run.
    Stop,
    /// Stops those that run, and starts them again.
    Restart,
    /// Replaces them by containers of the configuration.
    Reboot,
    /// Copies their files to the hosts.
    Upload,
    /// Creates their directories.
    Directories,
    /// Removes containers, images and directories.
    Remove,
    /// Removes the containers.
    RemoveContainer,
    /// Removes the images.
    RemoveImage,
    /// Removes the directories with the data.
    RemoveDirectory,
}

impl AccessoryVerb {
    /// Every verb.
    pub const ALL: [Self; 11] = [
        Self::Boot,
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Reboot,
        Self::Upload,
        Self::Directories,
        Self::Remove,
        Self::RemoveContainer,
        Self::RemoveImage,
        Self::RemoveDirectory,
    ];

    /// Returns the words of the command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boot => "accessory boot",
            Self::Start => "accessory start",
            Self::Stop => "accessory stop",
            Self::Restart => "accessory restart",
            Self::Reboot => "accessory reboot",
            Self::Upload => "accessory upload",
            Self::Directories => "accessory directories",
            Self::Remove => "accessory remove",
            Self::RemoveContainer => "accessory remove_container",
            Self::RemoveImage => "accessory remove_image",
            Self::RemoveDirectory => "accessory remove_service_directory",
        }
    }

    /// Returns whether it removes something, or interrupts what runs.
    pub const fn interrupts(self) -> bool {
        match self {
            Self::Boot | Self::Start | Self::Upload | Self::Directories => false,
            Self::Stop
            | Self::Restart
            | Self::Reboot
            | Self::Remove
            | Self::RemoveContainer
            | Self::RemoveImage
            | Self::RemoveDirectory => true,
        }
    }

    /// Returns whether it may create containers.
    pub const fn creates(self) -> bool {
        matches!(self, Self::Boot | Self::Start | Self::Reboot)
    }
}

/// What is done to Traefik.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraefikVerb {
    /// Starts it where it does not run.
    Boot,
    /// Starts the container that exists.
    Start,
    /// Stops it.
    Stop,
    /// Stops it, and starts it again.
    Restart,
    /// Replaces it by one of the configuration.
    Reboot(Rolling),
    /// Removes container and image.
    Remove,
    /// Removes the container.
    RemoveContainer,
    /// Removes the image.
    RemoveImage,
}

/// In which order hosts are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rolling {
    /// All at once.
    AllAtOnce,
    /// Each after the one before.
    OneByOne,
}

impl TraefikVerb {
    /// Every verb, without what it is given besides.
    pub const ALL: [Self; 8] = [
        Self::Boot,
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Reboot(Rolling::AllAtOnce),
        Self::Remove,
        Self::RemoveContainer,
        Self::RemoveImage,
    ];

    /// Returns the words of the command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boot => "traefik boot",
            Self::Start => "traefik start",
            Self::Stop => "traefik stop",
            Self::Restart => "traefik restart",
            Self::Reboot(_) => "traefik reboot",
            Self::Remove => "traefik remove",
            Self::RemoveContainer => "traefik remove_container",
            Self::RemoveImage => "traefik remove_image",
        }
    }

    /// Returns whether it removes something, or interrupts what serves.
    pub const fn interrupts(self) -> bool {
        !matches!(self, Self::Boot | Self::Start)
    }
}

/// What is done about the image, without a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildVerb {
    /// Builds and pushes it, and pulls it on the hosts.
    Deliver(Release),
    /// Builds and pushes it.
    Push(Release),
    /// Pulls it on the hosts.
    Pull(Release),
    /// Creates the builder.
    Create,
    /// Removes the builder.
    Remove,
}

impl BuildVerb {
    /// Returns the words of the command.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Deliver(_) => "build deliver",
            Self::Push(_) => "build push",
            Self::Pull(_) => "build pull",
            Self::Create => "build create",
            Self::Remove => "build remove",
        }
    }

    /// Returns the version of the image.
    pub const fn release(&self) -> Option<&Release> {
        match self {
            Self::Deliver(release) | Self::Push(release) | Self::Pull(release) => Some(release),
            Self::Create | Self::Remove => None,
        }
    }

    /// Returns whether hosts pull the image.
    pub const fn pulls(&self) -> bool {
        matches!(self, Self::Deliver(_) | Self::Pull(_))
    }
}

/// What is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruned {
    /// Containers and images.
    All,
    /// Containers.
    Containers,
    /// Images.
    Images,
}

impl Pruned {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::All, Self::Containers, Self::Images];

    /// Returns the words of the command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "prune all",
            Self::Containers => "prune containers",
            Self::Images => "prune images",
        }
    }
}

/// Whether hooks run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HookRuns {
    /// Those that there are.
    #[default]
    All,
    /// None.
    Skipped,
}

/// Whether what was done is announced by the command that the configuration names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Broadcasts {
    /// It is.
    #[default]
    Sent,
    /// It is not.
    Skipped,
}

/// Which accessories an operation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accessories {
    /// Every one of the configuration.
    All,
    /// Those with these names.
    Named(Vec<String>),
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
