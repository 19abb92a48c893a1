//! `mrsk host`

use clap::Subcommand;

use crate::cli::operation::{Given, OnHosts, OperationArgs};
use crate::name::HostName;
use crate::plan::{HostOperation, OperationKind};

/// Operations on a host behind a load balancer.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Answer the health check of a load balancer with 503, so that it sends the host no more requests; all others are served
    Drain(Given<Args, O>),
    /// Answer the health check again
    Undrain(Given<Args, O>),
}

/// Arguments of `mrsk host drain` and `mrsk host undrain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The host
    #[arg(value_name = "HOST")]
    host: HostName,
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let (given, operation) = match self {
            Self::Drain(given) => (given, HostOperation::Drain(String::new())),
            Self::Undrain(given) => (given, HostOperation::Undrain),
        };
        let kind = OperationKind::Host(operation);
        let hosts = vec![given.arguments.host];
        (Box::new(OnHosts { kind, hosts }), given.options)
    }
}
