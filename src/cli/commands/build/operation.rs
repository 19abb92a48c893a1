//! Operations on the image: also below `mrsk plan`.

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OnRoles, OperationArgs, WithHooks, version};
use crate::cli::options::{HookOptions, HostOptions, VersionOptions};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{BuildVerb, Operation as Planned, OperationKind, Release};

/// Operations on the image.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Build and push the image, and pull it on the hosts
    Deliver(Given<DeliverArgs, O>),
    /// Build and push the image
    Push(Given<PushArgs, O>),
    /// Pull the image on the hosts
    Pull(Given<PullArgs, O>),
    /// Create the builder for several architectures
    Create(Given<NoArgs, O>),
    /// Remove that builder, with what it keeps of earlier builds
    Remove(Given<NoArgs, O>),
}

/// Arguments of `mrsk build deliver`.
#[derive(Debug, clap::Args)]
pub struct DeliverArgs {
    #[command(flatten)]
    version: VersionOptions,
    #[command(flatten)]
    hosts: HostOptions,
    #[command(flatten)]
    layers: LayerOptions,
}

/// Arguments of `mrsk build push`.
#[derive(Debug, clap::Args)]
pub struct PushArgs {
    #[command(flatten)]
    version: VersionOptions,
    #[command(flatten)]
    layers: LayerOptions,
}

/// Arguments of `mrsk build pull`.
#[derive(Debug, clap::Args)]
pub struct PullArgs {
    #[command(flatten)]
    version: VersionOptions,
    #[command(flatten)]
    hosts: HostOptions,
}

/// What a build begins with.
#[derive(Debug, clap::Args)]
pub struct LayerOptions {
    /// Build without layers of earlier builds
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    hooks: HookOptions,
}

/// `mrsk build create` and `mrsk build remove` have no arguments.
#[derive(Debug, clap::Args)]
pub struct NoArgs {}

/// An operation on an image of a version.
struct OnImage {
    verb: fn(Release) -> BuildVerb,
    version: VersionOptions,
    hosts: HostOptions,
    /// Whether the image is in the registry.
    is_pushed: bool,
    /// Whether nothing of an earlier build is used.
    no_cache: bool,
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
        match self {
            Self::Deliver(Given { arguments, options }) => {
                let on_image = OnImage {
                    verb: BuildVerb::Deliver,
                    version: arguments.version,
                    hosts: arguments.hosts,
                    is_pushed: false,
                    no_cache: arguments.layers.no_cache,
                };
                let hooks = arguments.layers.hooks.runs();
                let arguments = on_image;
                (Box::new(WithHooks { arguments, hooks }), options)
            }
            Self::Push(Given { arguments, options }) => {
                let on_image = OnImage {
                    verb: BuildVerb::Push,
                    version: arguments.version,
                    hosts: everywhere,
                    is_pushed: false,
                    no_cache: arguments.layers.no_cache,
                };
                let hooks = arguments.layers.hooks.runs();
                let arguments = on_image;
                (Box::new(WithHooks { arguments, hooks }), options)
            }
            Self::Pull(Given { arguments, options }) => {
                let on_image = OnImage {
                    verb: BuildVerb::Pull,
                    version: arguments.version,
                    hosts: arguments.hosts,
                    is_pushed: true,
                    no_cache: false,
                };
                (Box::new(on_image), options)
            }
            Self::Create(given) => on_builder(BuildVerb::Create, given, everywhere),
            Self::Remove(given) => on_builder(BuildVerb::Remove, given, everywhere),
        }
    }
}

impl OperationArgs for OnImage {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Planned, Failure> {
        let verb = (self.verb)(Release {
            version: version(&self.version, source)?,
            skip_push: self.is_pushed,
            no_cache: self.no_cache,
        });
        let kind = OperationKind::Build(verb);
        let hosts = self.hosts.clone();
        OnRoles { kind, hosts }.operation(config, source)
    }
}
