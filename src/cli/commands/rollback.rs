//! `mrsk rollback`

use crate::cli::failure::Failure;
use crate::cli::operation::{OnRoles, OperationArgs, checked_version};
use crate::cli::options::HostOptions;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation, OperationKind};

/// Arguments of `mrsk rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Version to go back to [default: the one that ran on all hosts before the current one]
    #[arg(value_name = "VERSION")]
    version: Option<String>,

    #[command(flatten)]
    hosts: HostOptions,
}

impl OperationArgs for Args {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        let version = self.version.clone().map(checked_version).transpose()?;
        let kind = OperationKind::Rollback(version);
        let hosts = self.hosts.clone();
        OnRoles { kind, hosts }.operation(config, source)
    }

    fn is_confirmed(&self) -> bool {
        self.version.is_none()
    }
}
