//! `mrsk deploy`

use crate::cli::failure::Failure;
use crate::cli::operation::{self, OperationArgs};
use crate::cli::options::{BreakGlassOptions, DeployOptions};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation, OperationKind, Orphans};

/// Arguments of `mrsk deploy`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    deploy: DeployOptions,

    /// Remove routes and containers of roles that left the configuration, once what is configured serves
    #[arg(long)]
    remove_orphans: bool,
    #[command(flatten)]
    break_glass: BreakGlassOptions,
}

impl OperationArgs for Args {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        let operation = operation::release(OperationKind::Deploy, &self.deploy, config, source)?;
        Ok(Operation {
            break_glass: self.break_glass.break_glass(),
            orphans: match self.remove_orphans {
                true => Orphans::Removed,
                false => Orphans::Named,
            },
            ..operation
        })
    }
}
