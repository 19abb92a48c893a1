//! The values that a plan needs on the machine that applies it: those of secrets files as they were planned, and of the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::failure::Failure;
use super::registry;
use super::secret_commands::{self, CommandRunner};
use crate::apply::driver::{ReadSecrets, SecretReader};
use crate::apply::preflight::{self, Requirement, Value};
use crate::config::dotenv::Environment;
use crate::config::secrets_files::{SecretSources, SecretsFiles};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::plan::Plan;
use crate::secret::Secrets;

/// What provides the values that a plan needs.
pub type Values = dyn preflight::Environment + Send + Sync;

/// The secrets files that a plan names, with the environment of this machine.
pub struct PlannedSources {
    sources: SecretSources,
    /// The commands that the plan has.
    commands: BTreeMap<String, Vec<String>>,
    /// How a file differs from the plan.
    stale: Option<String>,
}

impl PlannedSources {
    /// Reads the files that `plan` names.
    pub fn read(plan: &Plan, environment: Environment) -> Result<Self, Failure> {
        let (files, stale) = SecretsFiles::read_planned(&plan.secrets_files)
            .map_err(|problems| Failure::of(ExitCode::Configuration, problems))?;
        Ok(Self {
            sources: SecretSources::new(environment, files),
            commands: plan.secret_commands.clone(),
            stale,
        })
    }
}

impl preflight::Environment for PlannedSources {
    fn value(&self, name: &str) -> Value {
        let planned = self.commands.get(name).map_or(&[][..], Vec::as_slice);
        let now = self.sources.files().command_texts(name);
        match &self.stale {
            Some(how) if !planned.is_empty() || !now.is_empty() => Value::Stale(how.clone()),
            _ if planned != now => Value::Stale(format!(
                "the commands that print `{name}` differ from the plan"
            )),
            _ => secret_commands::value(&self.sources, name),
        }
    }

    fn read(&self, names: &BTreeSet<String>) -> Result<(), Diagnostic> {
        self.sources.read(names, &mut CommandRunner)
    }

    fn render(&self, path: &str, template: &str, own: &Secrets) -> Result<String, Vec<Diagnostic>> {
        self.sources.environment().render(path, template, own)
    }
}

/// Reads, for a run, the secrets that commands print.
pub struct Reader {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What provides the values.
    pub values: Arc<Values>,
    /// The root of the repository.
    pub root: PathBuf,
    /// What is missing, and no outstanding step needs.
    pub known: BTreeSet<Requirement>,
}

impl SecretReader for Reader {
    fn read(&self, names: &BTreeSet<String>) -> Result<ReadSecrets, String> {
        self.values.read(names).map_err(in_words)?;
        let (inputs, missing) = preflight::collect_here(&self.plan, &*self.values, &self.root);
        let mut new = missing
            .into_iter()
            .filter(|missing| !self.known.contains(&missing.what));
        if let Some(missing) = new.next() {
            return Err(match missing.what {
                Requirement::Variable(name) => format!("secret `{name}` is not set"),
                Requirement::File { path, problem } => format!("{path}: {problem}"),
                Requirement::Template(problem) => in_words(problem),
                Requirement::Source(problem) => problem,
            });
        }
        let docker_config = registry::docker_config(&self.plan, &inputs);
        let docker_config = docker_config.map_err(|failure| {
            let problems = failure.diagnostics.into_iter();
            problems.map(in_words).collect::<Vec<_>>().join("; ")
        })?;
        Ok(ReadSecrets {
            inputs,
            docker_config,
        })
    }
}

/// Returns a problem in one line.
fn in_words(problem: Diagnostic) -> String {
    let place = problem
        .place
        .map_or_else(String::new, |place| format!("{place}: "));
    let help = problem
        .help
        .map_or_else(String::new, |help| format!("; {help}"));
    format!("{place}{}{help}", problem.message)
}
