//! `mrsk server`

use clap::Subcommand;

use crate::cli::operation::{Given, OnHosts, OperationArgs, WithHooks};
use crate::cli::options::{HookOptions, HostsOption};
use crate::plan::OperationKind;

/// Operations on hosts.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Install curl and Docker where they are missing
    Bootstrap(Given<BootstrapArgs, O>),
}

/// Arguments of `mrsk server bootstrap`.
#[derive(Debug, clap::Args)]
pub struct BootstrapArgs {
    #[command(flatten)]
    hosts: HostsOption,
    #[command(flatten)]
    hooks: HookOptions,
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let Self::Bootstrap(given) = self;
        let kind = OperationKind::ServerBootstrap;
        let BootstrapArgs { hosts, hooks } = given.arguments;
        let hosts = hosts.hosts;
        let bootstrap = WithHooks {
            arguments: OnHosts { kind, hosts },
            hooks: hooks.runs(),
        };
        (Box::new(bootstrap), given.options)
    }
}
