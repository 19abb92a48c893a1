//! `mrsk rollback`

use crate::cli::failure::Failure;
use crate::cli::operation::{OnRoles, OperationArgs, checked_version};
use crate::cli::options::{BreakGlassOptions, BroadcastOptions, HookOptions, HostOptions};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Environment, Operation, OperationKind, Rollback};

/// Arguments of `mrsk rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Version to go back to [default: the one that ran on all hosts before the current one]
    #[arg(value_name = "VERSION")]
    version: Option<String>,

    /// Start new containers of the version, with today's variables and secrets; otherwise old ones keep theirs
    #[arg(long)]
    fresh_env: bool,

    #[command(flatten)]
    hosts: HostOptions,
    #[command(flatten)]
    hooks: HookOptions,
    #[command(flatten)]
    broadcast: BroadcastOptions,
    #[command(flatten)]
    break_glass: BreakGlassOptions,
}

impl OperationArgs for Args {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        let version = self.version.clone().map(checked_version).transpose()?;
        let environment = match self.fresh_env {
            true => Environment::Fresh,
            false => Environment::Kept,
        };
        let kind = OperationKind::Rollback(Rollback {
            version,
            environment,
        });
        let hosts = self.hosts.clone();
        let operation = OnRoles { kind, hosts }.operation(config, source)?;
        Ok(Operation {
            break_glass: self.break_glass.break_glass(),
            hooks: self.hooks.runs(),
            broadcasts: self.broadcast.broadcasts(),
            ..operation
        })
    }

    fn is_confirmed(&self) -> bool {
        self.version.is_none()
    }
}
