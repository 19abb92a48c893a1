//! The kinds of step, and all that depends on a step's kind. Each question is an exhaustive match: a new kind does not compile
//! until it has every answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kinds of step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Installs curl and the container engine, or starts the engine.
    InstallDocker,
    /// Logs in to the registry.
    RegistryLogin,
    /// Creates and starts the builder of the image.
    Builder,
    /// Builds the image.
    Build,
    /// Pushes the image; also builds it if no step of kind `build` does.
    Push,
    /// Pulls the image.
    Pull,
    /// Creates mrsk's network, or connects a container with it.
    Network,
    /// Starts or replaces Traefik.
    Traefik,
    /// Creates and starts a container; no request reaches it yet.
    Start,
    /// Waits until a new container is healthy.
    Healthcheck,
    /// Sends requests to the new container.
    Route,
    /// Waits until the old container has no open requests.
    Drain,
    /// Stops an old container.
    Stop,
    /// Removes old containers and images.
    Prune,
    /// Renames a container.
    Rename,
    /// Where all wait for one, or one for all.
    Barrier,
    /// Announces the deploy.
    Broadcast,
    /// A kind of a newer minor version. Only a plan that is read for review has it; it is never written or applied.
    #[serde(skip)]
    Unknown,
}

/// What a step does, in the eyes of a reviewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It adds something new.
    Adds,
    /// It changes something.
    Changes,
    /// It removes something.
    Removes,
    /// It changes nothing; it waits or announces.
    Waits,
}

/// What apply does with a step besides running its actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Nothing.
    Plain,
    /// It renews the SSH session afterwards: a user's groups count in new sessions only.
    RenewSession,
    /// It reads the registry digest that the hosts must get from the output, and records it on the lock host.
    RecordDigest,
    /// It runs nothing: the step is a barrier.
    Wait,
    /// It puts who applies the plan before the last argument.
    NameRunner,
}

/// Whether a step builds the image, and so needs its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builds {
    /// It does.
    Always,
    /// It does if no other step of the plan does.
    IfNoOther,
    /// It does not.
    Never,
}

/// Where to look for the cause of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspect {
    /// The user and password of the registry.
    Credentials,
    /// What a builder needs on this machine; the output says which.
    BuildTools,
    /// Nothing more often than something else.
    Unclear,
}

/// The part that a step has in the replacement of a role's container or of Traefik.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchPart {
    /// It replaces Traefik.
    Traefik,
    /// It starts the new container.
    Start,
    /// It waits for the new container to be healthy.
    Health,
    /// It sends requests to the new container.
    Route,
    /// It waits for the old container's open requests.
    Drain,
    /// It stops the old container.
    Stop,
    /// It has none.
    None,
}

impl Mark {
    /// Returns the character that stands before the step.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Adds => "+",
            Self::Changes => "~",
            Self::Removes => "-",
            Self::Waits => ".",
        }
    }
}

impl StepKind {
    /// Returns what a reviewer sees at first sight.
    pub fn mark(self) -> Mark {
        match self {
            Self::InstallDocker
            | Self::Builder
            | Self::Build
            | Self::Push
            | Self::Pull
            | Self::Network
            | Self::Start => Mark::Adds,
            Self::RegistryLogin | Self::Traefik | Self::Route | Self::Rename | Self::Unknown => {
                Mark::Changes
            }
            Self::Stop | Self::Prune => Mark::Removes,
            Self::Healthcheck | Self::Drain | Self::Barrier | Self::Broadcast => Mark::Waits,
        }
    }

    /// Returns what apply does besides running its actions.
    pub fn handling(self) -> Handling {
        match self {
            Self::InstallDocker => Handling::RenewSession,
            Self::Push => Handling::RecordDigest,
            Self::Barrier => Handling::Wait,
            Self::Broadcast => Handling::NameRunner,
            Self::RegistryLogin
            | Self::Builder
            | Self::Build
            | Self::Pull
            | Self::Network
            | Self::Traefik
            | Self::Start
            | Self::Healthcheck
            | Self::Route
            | Self::Drain
            | Self::Stop
            | Self::Prune
            | Self::Rename
            | Self::Unknown => Handling::Plain,
        }
    }

    /// Returns whether it is a barrier.
    pub fn is_barrier(self) -> bool {
        self.handling() == Handling::Wait
    }

    /// Returns whether it has a check that says if its effect is already there. What has none is never repeated in doubt.
    pub fn has_check(self) -> bool {
        match self.handling() {
            Handling::Plain | Handling::RenewSession | Handling::RecordDigest => true,
            Handling::Wait | Handling::NameRunner => false,
        }
    }

    /// Returns whether it changes what all services of a host share. The compiler then gives the step the host's shared lock.
    pub fn changes_shared(self) -> bool {
        match self {
            Self::InstallDocker | Self::Network | Self::Traefik => true,
            Self::RegistryLogin
            | Self::Builder
            | Self::Build
            | Self::Push
            | Self::Pull
            | Self::Start
            | Self::Healthcheck
            | Self::Route
            | Self::Drain
            | Self::Stop
            | Self::Prune
            | Self::Rename
            | Self::Barrier
            | Self::Broadcast
            | Self::Unknown => false,
        }
    }

    /// Returns whether it builds the image.
    pub fn builds(self) -> Builds {
        match self {
            Self::Build => Builds::Always,
            Self::Push => Builds::IfNoOther,
            Self::InstallDocker
            | Self::RegistryLogin
            | Self::Builder
            | Self::Pull
            | Self::Network
            | Self::Traefik
            | Self::Start
            | Self::Healthcheck
            | Self::Route
            | Self::Drain
            | Self::Stop
            | Self::Prune
            | Self::Rename
            | Self::Barrier
            | Self::Broadcast
            | Self::Unknown => Builds::Never,
        }
    }

    /// Returns what most often causes its failure.
    pub fn suspect(self) -> Suspect {
        match self {
            Self::RegistryLogin => Suspect::Credentials,
            Self::Builder | Self::Build | Self::Push => Suspect::BuildTools,
            Self::InstallDocker
            | Self::Pull
            | Self::Network
            | Self::Traefik
            | Self::Start
            | Self::Healthcheck
            | Self::Route
            | Self::Drain
            | Self::Stop
            | Self::Prune
            | Self::Rename
            | Self::Barrier
            | Self::Broadcast
            | Self::Unknown => Suspect::Unclear,
        }
    }

    /// Returns its part in a switch, from which a report tells what serves.
    pub fn switch_part(self) -> SwitchPart {
        match self {
            Self::Traefik => SwitchPart::Traefik,
            Self::Start => SwitchPart::Start,
            Self::Healthcheck => SwitchPart::Health,
            Self::Route => SwitchPart::Route,
            Self::Drain => SwitchPart::Drain,
            Self::Stop => SwitchPart::Stop,
            Self::InstallDocker
            | Self::RegistryLogin
            | Self::Builder
            | Self::Build
            | Self::Push
            | Self::Pull
            | Self::Network
            | Self::Prune
            | Self::Rename
            | Self::Barrier
            | Self::Broadcast
            | Self::Unknown => SwitchPart::None,
        }
    }
}
