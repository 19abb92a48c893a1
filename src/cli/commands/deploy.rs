//! `mrsk deploy`

use crate::cli::failure::Failure;
use crate::cli::operation::{self, OperationArgs};
use crate::cli::options::DeployOptions;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation, OperationKind};

/// Arguments of `mrsk deploy`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    deploy: DeployOptions,
}

impl OperationArgs for Args {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        operation::release(OperationKind::Deploy, &self.deploy, config, source)
    }
}
