//! The kinds of step, and all that depends on a step's kind: one exhaustive table, so that a new
//! kind does not compile until it has every answer.

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
    /// Removes a login that was kept.
    RegistryLogout,
    /// Creates and starts the builder of the image.
    Builder,
    /// Builds the image.
    Build,
    /// Pushes the image; also builds it if no step of kind `build` does.
    Push,
    /// Pulls the image.
    Pull,
    /// Puts the assets of an image on its host, and joins them with those of the version that serves.
    Assets,
    /// Creates the container of the release command, or runs it to its end.
    Release,
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
    /// Takes the requests away from a role.
    Unroute,
    /// Answers requests with 503 in place of a role, or ends that.
    Intercept,
    /// Waits until the old container has no open requests.
    Drain,
    /// Stops an old container.
    Stop,
    /// Removes old containers and images.
    Prune,
    /// Removes a container, an image, a directory, a network or a builder.
    Remove,
    /// Creates directories of an accessory, or copies its files to the host.
    Upload,
    /// Renames a container.
    Rename,
    /// Where all wait for one, or one for all.
    Barrier,
    /// Announces the deploy.
    Broadcast,
    /// Runs a hook that goes before something, and that runs again if it was cut off.
    PreHook,
    /// Runs a hook that follows something.
    PostHook,
    /// A kind of a newer minor version: only in a plan that is read for review.
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
    /// It records the registry digest from the output, which hosts must get, on the lock host.
    RecordDigest,
    /// It runs nothing: the step is a barrier.
    Wait,
    /// It puts who applies the plan before the last argument.
    NameRunner,
    /// It runs a hook.
    RunHook,
}

/// What becomes of a step that was claimed and left no receipt, if it has no check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenLost {
    /// Nobody can tell whether it took effect: it is in doubt.
    Doubt,
    /// It runs again: it only decides whether others start, and may be ended half-way.
    Again,
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
    /// It takes the requests away, and nothing gets them.
    Unroute,
    /// It waits for the old container's open requests.
    Drain,
    /// It stops the old container.
    Stop,
    /// It has none.
    None,
}

/// What becomes of an attempt that still runs on a host when another plan is applied there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenSuperseded {
    /// It is ended: it waits for something, or fetches what anybody may fetch again, and half of it does no harm.
    End,
    /// It is waited for: half of it would.
    WaitFor,
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

/// The answers for one kind.
struct Row {
    mark: Mark,
    handling: Handling,
    shared_lock: bool,
    builds: Builds,
    suspect: Suspect,
    switch_part: SwitchPart,
    when_superseded: WhenSuperseded,
    /// Whether it can be ended half-way, as it waits, or does what may be begun again.
    can_be_ended: bool,
    when_lost: WhenLost,
}

/// Returns the answers of most kinds.
const fn plain(mark: Mark) -> Row {
    Row {
        mark,
        handling: Handling::Plain,
        shared_lock: false,
        builds: Builds::Never,
        suspect: Suspect::Unclear,
        switch_part: SwitchPart::None,
        when_superseded: WhenSuperseded::WaitFor,
        can_be_ended: false,
        when_lost: WhenLost::Doubt,
    }
}

/// Returns the answers of a part of a switch.
const fn switch(mark: Mark, switch_part: SwitchPart) -> Row {
    Row {
        switch_part,
        ..plain(mark)
    }
}

/// Returns `row` for a kind that a run of another plan ends.
const fn ended(row: Row) -> Row {
    Row {
        when_superseded: WhenSuperseded::End,
        ..row
    }
}

/// Returns the answers of a kind that needs the tools of a builder.
const fn building(handling: Handling, builds: Builds) -> Row {
    Row {
        handling,
        builds,
        suspect: Suspect::BuildTools,
        ..plain(Mark::Adds)
    }
}

impl StepKind {
    /// The one place that knows how the kinds differ.
    const fn row(self) -> Row {
        match self {
            Self::InstallDocker => Row {
                handling: Handling::RenewSession,
                shared_lock: true,
                ..plain(Mark::Adds)
            },
            Self::RegistryLogin => Row {
                suspect: Suspect::Credentials,
                ..plain(Mark::Changes)
            },
            Self::Builder => building(Handling::Plain, Builds::Never),
            Self::Build => building(Handling::Plain, Builds::Always),
            Self::Push => building(Handling::RecordDigest, Builds::IfNoOther),
            Self::Pull | Self::Assets => Row {
                can_be_ended: true,
                ..ended(plain(Mark::Adds))
            },
            Self::Network => Row {
                shared_lock: true,
                ..plain(Mark::Adds)
            },
            Self::Traefik => Row {
                shared_lock: true,
                ..switch(Mark::Changes, SwitchPart::Traefik)
            },
            Self::Start => switch(Mark::Adds, SwitchPart::Start),
            Self::Healthcheck => Row {
                can_be_ended: true,
                ..ended(switch(Mark::Waits, SwitchPart::Health))
            },
            Self::Route => switch(Mark::Changes, SwitchPart::Route),
            Self::Unroute => switch(Mark::Removes, SwitchPart::Unroute),
            Self::Drain => ended(switch(Mark::Waits, SwitchPart::Drain)),
            Self::Stop => switch(Mark::Removes, SwitchPart::Stop),
            Self::Prune | Self::Remove | Self::RegistryLogout => plain(Mark::Removes),
            Self::Upload => Row {
                can_be_ended: true,
                ..plain(Mark::Changes)
            },
            // A migration that is ended half-way may never be completed: nothing ends it, and others wait.
            Self::Release | Self::Rename | Self::Intercept | Self::Unknown => plain(Mark::Changes),
            Self::Barrier => Row {
                handling: Handling::Wait,
                ..ended(plain(Mark::Waits))
            },
            Self::Broadcast => Row {
                handling: Handling::NameRunner,
                ..plain(Mark::Waits)
            },
            Self::PreHook => Row {
                handling: Handling::RunHook,
                when_lost: WhenLost::Again,
                ..plain(Mark::Waits)
            },
            Self::PostHook => Row {
                handling: Handling::RunHook,
                ..plain(Mark::Waits)
            },
        }
    }

    /// Returns what a reviewer sees at first sight.
    pub fn mark(self) -> Mark {
        self.row().mark
    }

    /// Returns what apply does besides running its actions.
    pub fn handling(self) -> Handling {
        self.row().handling
    }

    /// Returns whether it is a barrier.
    pub fn is_barrier(self) -> bool {
        self.handling() == Handling::Wait
    }

    /// Returns whether it has a check that says if its effect is already there. Without one, it is
    /// never repeated in doubt, unless it [runs again](WhenLost::Again).
    pub fn has_check(self) -> bool {
        match self.handling() {
            Handling::Plain | Handling::RenewSession | Handling::RecordDigest => true,
            Handling::Wait | Handling::NameRunner | Handling::RunHook => false,
        }
    }

    /// Returns whether it is a hook.
    pub fn is_hook(self) -> bool {
        self.handling() == Handling::RunHook
    }

    /// Returns what becomes of it if it was cut off and has no check.
    pub fn when_lost(self) -> WhenLost {
        self.row().when_lost
    }

    /// Returns whether it changes what all services of a host share, and so gets the shared lock.
    pub fn changes_shared(self) -> bool {
        self.row().shared_lock
    }

    /// Returns whether it builds the image.
    pub fn builds(self) -> Builds {
        self.row().builds
    }

    /// Returns what most often causes its failure.
    pub fn suspect(self) -> Suspect {
        self.row().suspect
    }

    /// Returns what becomes of an attempt that still runs when another plan is applied.
    pub fn when_superseded(self) -> WhenSuperseded {
        self.row().when_superseded
    }

    /// Returns its name in plans; `unknown` for a kind of a newer version.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok();
        let name = name.and_then(|name| name.as_str().map(str::to_owned));
        name.unwrap_or_else(|| "unknown".to_owned())
    }

    /// Returns the kind with this name; [`StepKind::Unknown`] if there is none.
    pub fn of_name(name: &str) -> Self {
        serde_json::from_value(name.into()).unwrap_or(Self::Unknown)
    }

    /// Returns whether it can be ended half-way on its host, as it waits, or does what may be begun again.
    pub fn can_be_ended(self) -> bool {
        self.row().can_be_ended
    }

    /// Returns its part in a switch, from which a report tells what serves.
    pub fn switch_part(self) -> SwitchPart {
        self.row().switch_part
    }
}
