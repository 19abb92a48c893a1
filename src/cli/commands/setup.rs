//! `mrsk setup`

use crate::cli::failure::Failure;
use crate::cli::operation::{self, OperationArgs};
use crate::cli::options::DeployOptions;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation, OperationKind};

/// Arguments of `mrsk setup`.
#[derive(Debug, clap::Args)]
pub struct SetupArgs {
    #[command(flatten)]
    options: DeployOptions,
}

impl OperationArgs for SetupArgs {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        operation::of_release(OperationKind::Setup, &self.options, config, source)
    }
}
