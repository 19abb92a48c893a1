//! Operations on Traefik: also below `mrsk plan`.

use clap::Subcommand;

use crate::cli::operation::{Given, OnRoles, OperationArgs, WithHooks};
use crate::cli::options::{HookOptions, HostOptions};
use crate::plan::{OperationKind, Rolling, TraefikVerb};

/// Operations on Traefik.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Start Traefik where it is not running
    Boot(Given<HostOptions, O>),
    /// Start the stopped Traefik again
    Start(Given<HostOptions, O>),
    /// Stop Traefik: requests to the hosts are refused
    Stop(Given<HostOptions, O>),
    /// Stop Traefik and start it again
    Restart(Given<HostOptions, O>),
    /// Replace Traefik by one with the settings of deploy.yml; requests fail for a moment
    Reboot(Given<RebootArgs, O>),
    /// Stop and remove Traefik, and remove its image
    Remove(Given<HostOptions, O>),
    /// Remove the stopped container of Traefik
    #[command(name = "remove_container", alias = "remove-container")]
    RemoveContainer(Given<HostOptions, O>),
    /// Remove the image of Traefik
    #[command(name = "remove_image", alias = "remove-image")]
    RemoveImage(Given<HostOptions, O>),
}

/// Arguments of `mrsk traefik reboot`.
#[derive(Debug, clap::Args)]
pub struct RebootArgs {
    /// One host at a time
    #[arg(long)]
    rolling: bool,

    #[command(flatten)]
    hosts: HostOptions,
    #[command(flatten)]
    hooks: HookOptions,
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let (verb, hosts, options) = match self {
            Self::Boot(given) => (TraefikVerb::Boot, given.arguments, given.options),
            Self::Start(given) => (TraefikVerb::Start, given.arguments, given.options),
            Self::Stop(given) => (TraefikVerb::Stop, given.arguments, given.options),
            Self::Restart(given) => (TraefikVerb::Restart, given.arguments, given.options),
            Self::Reboot(Given { arguments, options }) => {
                let rolling = match arguments.rolling {
                    true => Rolling::OneByOne,
                    false => Rolling::AllAtOnce,
                };
                let kind = OperationKind::Traefik(TraefikVerb::Reboot(rolling));
                let hosts = arguments.hosts;
                let reboot = WithHooks {
                    arguments: OnRoles { kind, hosts },
                    hooks: arguments.hooks.runs(),
                };
                return (Box::new(reboot), options);
            }
            Self::Remove(given) => (TraefikVerb::Remove, given.arguments, given.options),
            Self::RemoveContainer(given) => {
                (TraefikVerb::RemoveContainer, given.arguments, given.options)
            }
            Self::RemoveImage(given) => (TraefikVerb::RemoveImage, given.arguments, given.options),
        };
        let kind = OperationKind::Traefik(verb);
        (Box::new(OnRoles { kind, hosts }), options)
    }
}
