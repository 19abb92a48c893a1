//! `mrsk accessory`

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::operation::{Given, OperationArgs};
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::name::HostName;
use crate::plan::{self, Accessories, AccessoryVerb, OperationKind};

/// Operations on accessories.
#[derive(Debug, Subcommand)]
pub enum Operation<O: clap::Args> {
    /// Start accessories that do not exist yet; existing ones are left unchanged
    Boot(Given<BootArgs, O>),
}

/// Arguments of `mrsk accessory boot`.
#[derive(Debug, clap::Args)]
pub struct BootArgs {
    /// Names of accessories, or `all`
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Only these hosts, separated by commas
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    hosts: Vec<HostName>,
}

impl OperationArgs for BootArgs {
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
