//! Operations on the image: also below `mrsk plan`.

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OnRoles, OperationArgs, version};
use crate::cli::options::{HostOptions, VersionOptions};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{BuildVerb, Operation as Planned, OperationKind, Release};

/// Operations on the image.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Build and push the image, and pull it on the hosts
    Deliver(Given<PullArgs, O>),
    /// Build and push the image
    Push(Given<PushArgs, O>),
    /// Pull the image on the hosts
    Pull(Given<PullArgs, O>),
    /// Create the builder for several architectures
    Create(Given<NoArgs, O>),
    /// Remove that builder, with what it keeps of earlier builds
    Remove(Given<NoArgs, O>),
}

/// Arguments of `mrsk build deliver` and `mrsk build pull`.
#[derive(Debug, clap::Args)]
pub struct PullArgs {
    #[command(flatten)]
    version: VersionOptions,
    #[command(flatten)]
    hosts: HostOptions,
}

/// Arguments of `mrsk build push`.
#[derive(Debug, clap::Args)]
pub struct PushArgs {
    #[command(flatten)]
    version: VersionOptions,
}

/// `mrsk build create` and `mrsk build remove` have no arguments.
#[derive(Debug, clap::Args)]
pub struct NoArgs {}

/// An operation on an image of a version.
struct OnImage {
    verb: fn(String) -> BuildVerb,
    version: VersionOptions,
    hosts: HostOptions,
}

fn on_builder<O: clap::Args>(
    verb: BuildVerb,
    given: Given<NoArgs, O>,
    hosts: HostOptions,
) -> (Box<dyn OperationArgs>, O) {
    let kind = OperationKind::Build(verb);
    (Box::new(OnRoles { kind, hosts }), given.options)
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let everywhere = HostOptions {
            hosts: Vec::new(),
            roles: Vec::new(),
            primary: false,
        };
        let (verb, arguments, options): (fn(String) -> BuildVerb, _, _) = match self {
            Self::Deliver(given) => (deliver, given.arguments, given.options),
            Self::Pull(given) => (pull, given.arguments, given.options),
            Self::Push(Given { arguments, options }) => {
                let (version, hosts) = (arguments.version, everywhere);
                (push, PullArgs { version, hosts }, options)
            }
            Self::Create(given) => return on_builder(BuildVerb::Create, given, everywhere),
            Self::Remove(given) => return on_builder(BuildVerb::Remove, given, everywhere),
        };
        let PullArgs { version, hosts } = arguments;
        let on_image = OnImage {
            verb,
            version,
            hosts,
        };
        (Box::new(on_image), options)
    }
}

fn deliver(version: String) -> BuildVerb {
    let skip_push = false;
    BuildVerb::Deliver(Release { version, skip_push })
}

fn push(version: String) -> BuildVerb {
    let skip_push = false;
    BuildVerb::Push(Release { version, skip_push })
}

/// The image is in the registry.
fn pull(version: String) -> BuildVerb {
    let skip_push = true;
    BuildVerb::Pull(Release { version, skip_push })
}

impl OperationArgs for OnImage {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Planned, Failure> {
        let verb = (self.verb)(version(&self.version, source)?);
        let kind = OperationKind::Build(verb);
        let hosts = self.hosts.clone();
        OnRoles { kind, hosts }.operation(config, source)
    }
}
