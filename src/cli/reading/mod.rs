//! What commands that read from hosts share: they go on without the hosts that do not answer, print host by host in the order of the
//! configuration, and need no secret.

mod ask;
mod containers;
mod facts;
mod follow;
mod logs;
mod section;
pub mod selection;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::connections;
use super::execution::Execution;
use super::failure::Failure;
use super::options::{ProjectOptions, ReadOptions};
use super::project::Project;
use crate::apply::links::Links;
use crate::config::model::{Config, Role};
use crate::config::secrets::{self, Purpose};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::redaction::Redactor;
use crate::secret::Secrets;

pub use containers::{accessory_containers, app_containers, traefik_containers};
pub use logs::{LogArgs, LogOf};
pub use section::Section;

/// Hosts that are read from.
pub struct Reading {
    project: Project,
    links: Arc<Links>,
    redactor: Arc<Redactor>,
    /// What went wrong so far, and on which hosts.
    problems: Vec<Diagnostic>,
    /// The options that select the configuration, as they were given.
    repeated: String,
    unreachable: BTreeSet<HostName>,
    /// Entries of the audit log that are still to be written: of commands that failed.
    failed: Vec<(HostName, String)>,
}

impl Reading {
    /// Reads the configuration and prepares the connections. What hosts print is redacted by the secrets that are set here; none
    /// has to be.
    pub fn open(options: &ReadOptions) -> Result<Self, Failure> {
        let execution = Execution::of_environment();
        let project = Project::load(&options.project, &execution)?;
        let links = connections::to_configured(&options.link, &project, &execution)?;
        Ok(Self {
            redactor: Arc::new(project.redactor(&options.project, &execution)),
            project,
            links,
            problems: Vec::new(),
            repeated: options.project.repeated(),
            unreachable: BTreeSet::new(),
            failed: Vec::new(),
        })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        self.project.config()
    }

    /// Returns the options that select the configuration as they were given, each with a space in front.
    pub fn repeated_options(&self) -> String {
        self.repeated.clone()
    }

    /// Returns the secrets of a role's containers on `host`. Fails with all that are missing.
    pub fn role_secrets(
        &self,
        options: &ProjectOptions,
        role: &Role,
        host: &HostName,
    ) -> Result<Secrets, Failure> {
        let purpose = Purpose::Role(role.name.clone());
        let names = secrets::env_secret_names(role.env_of(host), &purpose);
        self.project.secrets_of(options, &names)
    }

    /// Returns the secrets of the accessory's container. Fails with all that are missing.
    pub fn accessory_secrets(
        &self,
        options: &ProjectOptions,
        name: &str,
    ) -> Result<Secrets, Failure> {
        let accessories = self.config().accessories.iter();
        let mut names = secrets::Names::new();
        for accessory in accessories.filter(|accessory| accessory.name == name) {
            let purpose = Purpose::Accessory(accessory.name.clone());
            names.extend(secrets::env_secret_names(&accessory.env, &purpose));
        }
        self.project.secrets_of(options, &names)
    }

    /// Closes the connections and returns how it went.
    pub fn finish(self) -> Result<ExitCode, Failure> {
        self.links.close();
        let code = match (self.problems.is_empty(), self.unreachable.is_empty()) {
            (true, _) => return Ok(ExitCode::Done),
            (false, true) => ExitCode::Failed,
            (false, false) => ExitCode::Unreachable,
        };
        Err(Failure::of(code, self.problems))
    }
}
