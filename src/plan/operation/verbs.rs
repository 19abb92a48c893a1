//! The operations of groups, such as `app stop`, and what operations are about.

use std::collections::BTreeSet;

use crate::config::model::Accessory;

/// Stands for every accessory where accessories are named.
const ALL: &str = "all";

/// A version that is brought to hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version that was asked for, or found.
    pub version: String,
    /// `--skip-push`: the image is in the registry already.
    pub skip_push: bool,
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
}

impl AppOperation {
    /// Returns the words of the command.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Boot(_) => "app boot",
            Self::Start => "app start",
            Self::Stop => "app stop",
        }
    }

    /// Returns whether it removes something, or interrupts what serves.
    pub const fn interrupts(&self) -> bool {
        match self {
            Self::Boot(_) | Self::Start => false,
            Self::Stop => true,
        }
    }
}

/// What is done to accessories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessoryVerb {
    /// Starts those that do not exist.
    Boot,
}

impl AccessoryVerb {
    /// Every verb.
    pub const ALL: [Self; 1] = [Self::Boot];

    /// Returns the words of the command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boot => "accessory boot",
        }
    }
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
