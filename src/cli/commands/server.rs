//! `mrsk server`

use clap::Subcommand;

use crate::cli::operation::{Given, OnHosts, OperationArgs};
use crate::cli::options::HostsOption;
use crate::plan::OperationKind;

/// Operations on hosts.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Install curl and Docker where they are missing
    Bootstrap(Given<HostsOption, O>),
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let Self::Bootstrap(given) = self;
        let kind = OperationKind::ServerBootstrap;
        let hosts = given.arguments.hosts;
        (Box::new(OnHosts { kind, hosts }), given.options)
    }
}
