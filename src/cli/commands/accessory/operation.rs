//! Operations on accessories: also below `mrsk plan`.

use clap::Subcommand;

use crate::cli::operation::{Given, OnHosts, OperationArgs, WithBroadcasts};
use crate::cli::options::BroadcastOptions;
use crate::name::HostName;
use crate::plan::{Accessories, AccessoryVerb, OperationKind};

/// Operations on accessories.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Start accessories that do not exist yet; existing ones are left unchanged
    Boot(Given<BootArgs, O>),
    /// Start accessories that are not running
    Start(Given<NamesArgs, O>),
    /// Stop accessories
    Stop(Given<NamesArgs, O>),
    /// Stop accessories and start them again
    Restart(Given<NamesArgs, O>),
    /// Replace accessories by new containers with the settings of deploy.yml
    Reboot(Given<NamesArgs, O>),
    /// Upload the files of accessories
    Upload(Given<NamesArgs, O>),
    /// Create the directories of accessories
    Directories(Given<NamesArgs, O>),
    /// Stop and remove accessories, with their images and the directories that hold their data
    Remove(Given<NamesArgs, O>),
    /// Remove the stopped containers of accessories
    #[command(name = "remove_container", alias = "remove-container")]
    RemoveContainer(Given<NamesArgs, O>),
    /// Remove the images of accessories
    #[command(name = "remove_image", alias = "remove-image")]
    RemoveImage(Given<NamesArgs, O>),
    /// Remove the directories of stopped accessories, with the data in them
    #[command(name = "remove_service_directory", alias = "remove-service-directory")]
    RemoveServiceDirectory(Given<NamesArgs, O>),
}

/// Arguments of these operations.
#[derive(Debug, clap::Args)]
pub struct NamesArgs {
    /// Names of accessories, or `all`
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Only these hosts, separated by commas; short: -h HOSTS
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    hosts: Vec<HostName>,
}

/// Arguments of `mrsk accessory boot`.
#[derive(Debug, clap::Args)]
pub struct BootArgs {
    #[command(flatten)]
    names: NamesArgs,
    #[command(flatten)]
    broadcast: BroadcastOptions,
}

impl NamesArgs {
    fn asks_for(self, verb: AccessoryVerb) -> OnHosts {
        OnHosts {
            kind: OperationKind::Accessory(verb, Accessories::named(&self.names)),
            hosts: self.hosts,
        }
    }
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let (verb, given) = match self {
            Self::Boot(Given { arguments, options }) => {
                let broadcasts = arguments.broadcast.broadcasts();
                let arguments = arguments.names.asks_for(AccessoryVerb::Boot);
                let boot = WithBroadcasts {
                    arguments,
                    broadcasts,
                };
                return (Box::new(boot), options);
            }
            Self::Start(given) => (AccessoryVerb::Start, given),
            Self::Stop(given) => (AccessoryVerb::Stop, given),
            Self::Restart(given) => (AccessoryVerb::Restart, given),
            Self::Reboot(given) => (AccessoryVerb::Reboot, given),
            Self::Upload(given) => (AccessoryVerb::Upload, given),
            Self::Directories(given) => (AccessoryVerb::Directories, given),
            Self::Remove(given) => (AccessoryVerb::Remove, given),
            Self::RemoveContainer(given) => (AccessoryVerb::RemoveContainer, given),
            Self::RemoveImage(given) => (AccessoryVerb::RemoveImage, given),
            Self::RemoveServiceDirectory(given) => (AccessoryVerb::RemoveDirectory, given),
        };
        (Box::new(given.arguments.asks_for(verb)), given.options)
    }
}
