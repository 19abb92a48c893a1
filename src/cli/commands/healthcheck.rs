//! `mrsk healthcheck`

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OnRoles, OperationArgs, version};
use crate::cli::options::{HostOptions, VersionOptions};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation as Planned, OperationKind, Release};

/// Operations on the health check.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Start a version that was pushed beside what serves, wait until it is healthy, and remove it: on the primary host, unless hosts or
    /// roles are named
    Perform(Given<Args, O>),
}

/// Arguments of `mrsk healthcheck perform`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    version: VersionOptions,
    #[command(flatten)]
    hosts: HostOptions,
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let Self::Perform(given) = self;
        (Box::new(given.arguments), given.options)
    }
}

impl OperationArgs for Args {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Planned, Failure> {
        let kind = OperationKind::Healthcheck(Release {
            version: version(&self.version, source)?,
            skip_push: true,
            no_cache: false,
        });
        let mut hosts = self.hosts.clone();
        hosts.primary |= hosts.hosts.is_empty() && hosts.roles.is_empty();
        OnRoles { kind, hosts }.operation(config, source)
    }
}
