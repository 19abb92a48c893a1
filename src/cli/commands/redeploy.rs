//! `mrsk redeploy`

use crate::cli::failure::Failure;
use crate::cli::operation::{self, OperationArgs};
use crate::cli::options::DeployOptions;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation, OperationKind};

/// Arguments of `mrsk redeploy`.
#[derive(Debug, clap::Args)]
pub struct RedeployArgs {
    #[command(flatten)]
    options: DeployOptions,
}

impl OperationArgs for RedeployArgs {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        operation::of_release(OperationKind::Redeploy, &self.options, config, source)
    }
}
