//! How the hosts of a configuration or plan are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::execution::Execution;
use super::failure::Failure;
use super::options::LinkOptions;
use super::project::Project;
use super::ssh_keys;
use crate::apply::links::{self, Links};
use crate::apply::preflight::Environment;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::plan::Plan;
use crate::secret::Secrets;
use crate::transport::{Connections, Identity, LinkError, Target};

/// Prepares links to the hosts of a configuration; none is connected yet. Fails if `execution` forbids the command that reaches
/// them.
pub fn to_configured(
    options: &LinkOptions,
    project: &Project,
    execution: &Execution,
) -> Result<Arc<Links>, Failure> {
    let config = project.config();
    execution.check_connections(config)?;
    let keys = project.ssh_keys()?;
    let targets = config.hosts.iter().map(|host| {
        let target = Target {
            host: host.name.to_string(),
            user: host.user.clone(),
            port: host.port,
            proxy: config.ssh.proxy.clone(),
            proxy_command: config.ssh.proxy_command.clone(),
            identity: Identity {
                keys: config.ssh.keys.clone(),
                key_data: keys.values().cloned().collect(),
                keys_only: config.ssh.keys_only,
                no_config: config.ssh.no_config,
            },
            host_keys: Vec::new(),
        };
        (host.name.clone(), target)
    });
    open(options, targets.collect())
}

/// Returns the keys that ssh shows the hosts of a plan, by the names of their secrets.
pub fn planned_keys(plan: &Plan, values: &dyn Environment) -> Result<Secrets, Failure> {
    let names: BTreeSet<&String> = plan
        .hosts
        .values()
        .flat_map(|host| &host.ssh.key_data)
        .collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    ssh_keys::read(&names, |name| values.value(name))
}

/// Prepares links to the hosts of a plan, with the host keys that are pinned for each and the user's `keys`; none is connected yet.
pub fn to_planned(
    options: &LinkOptions,
    plan: &Plan,
    pins: &BTreeMap<HostName, Vec<String>>,
    keys: &Secrets,
) -> Result<Arc<Links>, Failure> {
    let targets = plan.hosts.iter().map(|(name, host)| {
        let target = Target {
            host: name.to_string(),
            user: host.ssh.user.clone(),
            port: host.ssh.port,
            proxy: host.ssh.proxy.clone(),
            proxy_command: host.ssh.proxy_command.clone(),
            identity: Identity {
                keys: host.ssh.keys.clone(),
                key_data: host
                    .ssh
                    .key_data
                    .iter()
                    .filter_map(|name| keys.get(name).cloned())
                    .collect(),
                keys_only: host.ssh.keys_only,
                no_config: host.ssh.no_config,
            },
            host_keys: pins.get(name).cloned().unwrap_or_default(),
        };
        (name.clone(), target)
    });
    open(options, targets.collect())
}

fn open(options: &LinkOptions, targets: BTreeMap<HostName, Target>) -> Result<Arc<Links>, Failure> {
    let connections = Connections::new(options.connection_options()?).map_err(|error| {
        let message = format!("cannot create the SSH control directory: {error}");
        Failure::new(ExitCode::Failed, message)
    })?;
    Ok(Arc::new(Links::new(Arc::new(connections), targets)))
}

/// Returns why `host` did not answer, and what to do about it.
pub fn diagnostic(host: &HostName, failure: &links::Failure) -> Diagnostic {
    if let links::Failure::Connect(error) = failure {
        return Diagnostic {
            help: error.advice.clone(),
            ..Diagnostic::error(&*error.problem)
        };
    }
    Diagnostic::error(format!("{host}: {failure}"))
}

/// Returns the exit code of a command whose host did not answer, or answered with an error.
pub fn exit_code(failure: &links::Failure) -> ExitCode {
    match failure {
        links::Failure::Connect(_) | links::Failure::Link(LinkError::Lost { .. }) => {
            ExitCode::Unreachable
        }
        links::Failure::Link(_) | links::Failure::Question(_) | links::Failure::Facts(_) => {
            ExitCode::Failed
        }
    }
}

/// Why hosts did not answer.
pub struct Problems {
    /// What is wrong, by host.
    pub diagnostics: BTreeMap<HostName, Diagnostic>,
    /// How a command ends for it: a host that cannot be reached counts for more than one that answers with an error.
    pub exit_code: ExitCode,
}

impl Problems {
    /// Returns whether all hosts answered.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Returns the failure of a command that has nothing to add.
    pub fn failure(self) -> Failure {
        Failure::of(self.exit_code, self.diagnostics.into_values().collect())
    }
}

/// Asks all hosts at once. Returns their answers, and a problem for each host that did not answer.
pub async fn ask_all<T, F>(
    hosts: Vec<HostName>,
    question: impl Fn(HostName) -> F,
) -> (BTreeMap<HostName, T>, Problems)
where
    T: Send + 'static,
    F: Future<Output = Result<T, links::Failure>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for host in hosts {
        let answer = question(host.clone());
        tasks.spawn(async { (host, answer.await) });
    }
    let mut answers = BTreeMap::new();
    let mut problems = Problems {
        diagnostics: BTreeMap::new(),
        exit_code: ExitCode::Failed,
    };
    for (host, answer) in tasks.join_all().await {
        match answer {
            Ok(answer) => drop(answers.insert(host, answer)),
            Err(failure) => {
                if exit_code(&failure) == ExitCode::Unreachable {
                    problems.exit_code = ExitCode::Unreachable;
                }
                let problem = diagnostic(&host, &failure);
                problems.diagnostics.insert(host, problem);
            }
        }
    }
    (answers, problems)
}
