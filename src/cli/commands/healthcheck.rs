//! `mrsk healthcheck`

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OnRoles, OperationArgs, version};
use crate::cli::options::{HostOptions, VersionOptions};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation as Planned, OperationKind};

/// Operations on the health check.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Look whether a version would be healthy: start a container of it beside those that serve, ask it, and remove it
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
    /// Without a selection it is about the primary host.
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Planned, Failure> {
        let kind = OperationKind::Healthcheck(version(&self.version, source)?);
        let mut hosts = self.hosts.clone();
        hosts.primary |= hosts.hosts.is_empty() && hosts.roles.is_empty();
        OnRoles { kind, hosts }.operation(config, source)
    }
}
