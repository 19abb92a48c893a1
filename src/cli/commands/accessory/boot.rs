//! `mrsk accessory boot`

use crate::cli::failure::Failure;
use crate::cli::operation::OperationArgs;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::name::HostName;
use crate::plan::{self, Accessories, AccessoryVerb, OperationKind};

/// Arguments of `mrsk accessory boot`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of accessories, or `all`
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Only these hosts, separated by commas
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    hosts: Vec<HostName>,
}

impl OperationArgs for Args {
    fn operation(&self, config: &Config, _: &SourceFacts) -> Result<plan::Operation, Failure> {
        let accessories = Accessories::named(&self.names);
        Ok(plan::Operation {
            kind: OperationKind::Accessory(AccessoryVerb::Boot, accessories),
            destination: config.destination.clone(),
            hosts: self.hosts.clone(),
            roles: Vec::new(),
        })
    }
}
