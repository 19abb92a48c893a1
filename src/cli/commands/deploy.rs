//! `mrsk deploy`

use crate::cli::failure::Failure;
use crate::cli::operation::{self, OperationArgs};
use crate::cli::options::DeployOptions;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation, OperationKind};

/// Arguments of `mrsk deploy`.
#[derive(Debug, Default, PartialEq, Eq, clap::Args)]
pub struct DeployArgs {
    #[command(flatten)]
    options: DeployOptions,
}

impl OperationArgs for DeployArgs {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        operation::of_release(OperationKind::Deploy, &self.options, config, source)
    }
}
