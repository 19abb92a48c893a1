//! `mrsk prune`

use clap::Subcommand;

use crate::cli::operation::{Given, OnRoles, OperationArgs};
use crate::cli::options::HostOptions;
use crate::plan::{OperationKind, Pruned};

/// What is pruned.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Remove old containers and unused images
    All(Given<HostOptions, O>),
    /// Remove stopped containers that are older than what is kept for a rollback
    Containers(Given<HostOptions, O>),
    /// Remove images of more than 7 days that no container uses
    Images(Given<HostOptions, O>),
}

impl<O: clap::Args> Operation<O> {
    /// Returns the operation's arguments, and the command's options.
    pub fn split(self) -> (Box<dyn OperationArgs>, O) {
        let (pruned, given) = match self {
            Self::All(given) => (Pruned::All, given),
            Self::Containers(given) => (Pruned::Containers, given),
            Self::Images(given) => (Pruned::Images, given),
        };
        let kind = OperationKind::Prune(pruned);
        let hosts = given.arguments;
        (Box::new(OnRoles { kind, hosts }), given.options)
    }
}
