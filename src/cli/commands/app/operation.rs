//! Operations on the app's containers and images: also below `mrsk plan`.

use clap::Subcommand;

use super::maintenance;
use crate::cli::failure::Failure;
use crate::cli::operation::{
    Given, OnRoles, OperationArgs, WithBroadcasts, WithHooks, checked_version, named_version,
};
use crate::cli::options::{BroadcastOptions, HookOptions, HostOptions};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{AppOperation, Operation as Planned, OperationKind, StaleContainers};

/// Operations on the app's containers and images.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Replace the containers by new ones of the same version, without downtime; pull its image only where it is missing
    Boot(Given<BootArgs, O>),
    /// Start the containers that ran last, where none is running
    Start(Given<HostOptions, O>),
    /// Take the requests away from the containers, and stop them
    Stop(Given<HostOptions, O>),
    /// Stop and remove the containers, and remove their images
    Remove(Given<HostOptions, O>),
    /// Remove the stopped container of a version
    #[command(name = "remove_container", alias = "remove-container")]
    RemoveContainer(Given<RemoveArgs, O>),
    /// Remove all stopped containers
    #[command(name = "remove_containers", alias = "remove-containers")]
    RemoveContainers(Given<HostOptions, O>),
    /// Remove all images that no container uses
    #[command(name = "remove_images", alias = "remove-images")]
    RemoveImages(Given<HostOptions, O>),
    /// Name the containers that run beside the one that serves
    #[command(name = "stale_containers", alias = "stale-containers")]
    StaleContainers(Given<StaleArgs, O>),
    /// Answer requests with 503 in place of the app, also through deploys, until `app live`
    Maintenance(Given<maintenance::Args, O>),
    /// End the maintenance: the app gets its requests again
    Live(Given<HostOptions, O>),
}

/// Arguments of `mrsk app boot`.
#[derive(Debug, clap::Args)]
pub struct BootArgs {
    #[command(flatten)]
    hosts: HostOptions,
    #[command(flatten)]
    hooks: HookOptions,
    #[command(flatten)]
    broadcast: BroadcastOptions,

    /// Version to start [env: VERSION] [default: the one that is running]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// Arguments of `mrsk app remove_container`.
#[derive(Debug, clap::Args)]
pub struct RemoveArgs {
    /// The version
    #[arg(value_name = "VERSION")]
    version: String,

    #[command(flatten)]
    hosts: HostOptions,
}

/// Arguments of `mrsk app stale_containers`.
#[derive(Debug, clap::Args)]
pub struct StaleArgs {
    /// Stop them
    #[arg(short, long)]
    stop: bool,

    #[command(flatten)]
    hosts: HostOptions,
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let on_roles = |kind, given: Given<HostOptions, O>| -> (Box<dyn OperationArgs>, O) {
            let kind = OperationKind::App(kind);
            let hosts = given.arguments;
            (Box::new(OnRoles { kind, hosts }), given.options)
        };
        match self {
            Self::Boot(given) => (Box::new(given.arguments), given.options),
            Self::Start(given) => on_roles(AppOperation::Start, given),
            Self::Stop(given) => on_roles(AppOperation::Stop, given),
            Self::Remove(given) => on_roles(AppOperation::Remove, given),
            Self::RemoveContainer(given) => (Box::new(given.arguments), given.options),
            Self::RemoveContainers(given) => on_roles(AppOperation::RemoveContainers, given),
            Self::RemoveImages(given) => on_roles(AppOperation::RemoveImages, given),
            Self::Maintenance(given) => (Box::new(given.arguments), given.options),
            Self::Live(given) => on_roles(AppOperation::Live, given),
            Self::StaleContainers(Given { arguments, options }) => {
                let what = match arguments.stop {
                    true => StaleContainers::Stop,
                    false => StaleContainers::Show,
                };
                let kind = OperationKind::App(AppOperation::StaleContainers(what));
                let hosts = arguments.hosts;
                (Box::new(OnRoles { kind, hosts }), options)
            }
        }
    }
}

impl OperationArgs for BootArgs {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Planned, Failure> {
        let version = named_version(self.version.as_ref())?;
        let kind = OperationKind::App(AppOperation::Boot(version));
        let hosts = self.hosts.clone();
        let boot = WithHooks {
            arguments: OnRoles { kind, hosts },
            hooks: self.hooks.runs(),
        };
        let broadcasts = self.broadcast.broadcasts();
        let arguments = boot;
        WithBroadcasts {
            arguments,
            broadcasts,
        }
        .operation(config, source)
    }
}

impl OperationArgs for RemoveArgs {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Planned, Failure> {
        let version = checked_version(self.version.clone())?;
        let kind = OperationKind::App(AppOperation::RemoveContainer(version));
        let hosts = self.hosts.clone();
        OnRoles { kind, hosts }.operation(config, source)
    }
}
