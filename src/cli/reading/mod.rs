//! What commands that read from hosts share: they go on without the hosts that do not answer, print host by host in the order of the
//! configuration, and need no secret.

mod containers;
mod section;
pub mod selection;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::connections;
use super::execution::Execution;
use super::failure::Failure;
use super::options::ReadOptions;
use super::project::Project;
use crate::apply::links::Links;
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::redaction::Redactor;

pub use containers::{accessory_containers, app_containers, traefik_containers};

/// Hosts that are read from.
pub struct Reading {
    project: Project,
    links: Arc<Links>,
    redactor: Arc<Redactor>,
    /// What went wrong so far, and on which hosts.
    problems: Vec<Diagnostic>,
    unreachable: BTreeSet<HostName>,
}

impl Reading {
    /// Reads the configuration and prepares the connections. What hosts print is redacted by the secrets that are set here; none
    /// has to be.
    pub fn open(options: &ReadOptions) -> Result<Self, Failure> {
        let execution = Execution::of_environment();
        let project = Project::load(&options.project, &execution)?;
        let secrets = match execution {
            Execution::Allowed => project.known_secrets(&options.project),
            Execution::Forbidden(_) => Default::default(),
        };
        let links = connections::to_configured(&options.link, project.config(), &execution)?;
        Ok(Self {
            redactor: Arc::new(Redactor::new(&secrets)),
            project,
            links,
            problems: Vec::new(),
            unreachable: BTreeSet::new(),
        })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        self.project.config()
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
