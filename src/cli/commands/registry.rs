//! `mrsk registry`

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OperationArgs};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::name::HostName;
use crate::plan::{self, OperationKind};

/// Operations on logins at the registry.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Log in on the hosts; later plans pull with this login, until `mrsk registry logout`
    ///
    /// The login belongs to this service and destination. Nothing is kept on this machine: its runs log in
    /// by themselves. A host that keeps a login is left as it is: after a change of the password, log out
    /// and in again.
    Login(Given<LoginArgs, O>),
    /// Remove the login that `mrsk registry login` keeps on the hosts
    Logout(Given<LogoutArgs, O>),
}

/// Arguments of `mrsk registry login`.
#[derive(Debug, clap::Args)]
pub struct LoginArgs {
    /// Only these hosts, separated by commas; short: -h HOSTS
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    hosts: Vec<HostName>,
}

/// Arguments of `mrsk registry logout`.
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {
    /// Only these hosts, separated by commas; short: -h HOSTS
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    hosts: Vec<HostName>,
}

impl OperationArgs for LoginArgs {
    fn operation(&self, config: &Config, _: &SourceFacts) -> Result<plan::Operation, Failure> {
        Ok(on_hosts(OperationKind::RegistryLogin, &self.hosts, config))
    }
}

impl OperationArgs for LogoutArgs {
    fn operation(&self, config: &Config, _: &SourceFacts) -> Result<plan::Operation, Failure> {
        Ok(on_hosts(OperationKind::RegistryLogout, &self.hosts, config))
    }
}

fn on_hosts(kind: OperationKind, hosts: &[HostName], config: &Config) -> plan::Operation {
    plan::Operation {
        kind,
        destination: config.destination.clone(),
        hosts: hosts.to_vec(),
        roles: Vec::new(),
        break_glass: plan::BreakGlass::default(),
        orphans: plan::Orphans::Named,
        release_runs: plan::ReleaseRuns::Once,
        hooks: plan::HookRuns::All,
        broadcasts: plan::Broadcasts::Sent,
    }
}
