//! Whether a command runs what the repository names: commands of templates, Ruby, and the proxy command of its hosts.

use std::collections::BTreeSet;

use super::environment::{self, Machine};
use super::failure::Failure;
use super::options::ProjectOptions;
use super::output;
use crate::config::model::Config;
use crate::exit_code::ExitCode;

/// The variable that forbids it for every command.
const VARIABLE: &str = "MRSK_NO_EXEC";

/// What a repository that is not trusted may do.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ExecutionOptions {
    /// Run nothing of the repository and read no .env: no command and no Ruby in templates, no proxy command [env: MRSK_NO_EXEC]
    #[arg(long, global = true)]
    no_exec: bool,

    /// Environment variable that templates may read with --no-exec; repeatable
    #[arg(long, value_name = "NAME", global = true)]
    allow_env: Vec<String>,
}

/// Whether anything that the repository names is run or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// All that it names.
    Allowed,
    /// Nothing, and templates read these variables of the environment alone.
    Forbidden(BTreeSet<String>),
}

impl ExecutionOptions {
    /// Returns what these options and the environment say.
    pub fn execution(&self, project: &ProjectOptions) -> Result<Execution, Failure> {
        let execution = match self.no_exec {
            true => Execution::Forbidden(BTreeSet::new()),
            false => Execution::of_environment(),
        };
        match execution {
            Execution::Forbidden(_) if project.env_file.is_some() => {
                let message = "`--no-exec` cannot be used with `--env-file`";
                Err(Failure::new(ExitCode::Usage, message)
                    .help("allow the variables that templates need with `--allow-env NAME`"))
            }
            Execution::Forbidden(_) => Ok(Execution::Forbidden(
                self.allow_env.iter().cloned().collect(),
            )),
            Execution::Allowed if !self.allow_env.is_empty() => {
                let message = "`--allow-env` cannot be used without `--no-exec`";
                Err(Failure::new(ExitCode::Usage, message)
                    .help("without --no-exec templates can read every variable"))
            }
            Execution::Allowed => Ok(Execution::Allowed),
        }
    }
}

impl Execution {
    /// Returns what the environment says: any value of `MRSK_NO_EXEC` but an empty one and `0` forbids it.
    pub fn of_environment() -> Self {
        match std::env::var_os(VARIABLE) {
            Some(value) if !value.is_empty() && value != "0" => Self::Forbidden(BTreeSet::new()),
            _ => Self::Allowed,
        }
    }

    /// Returns the machine that templates see, and prints what its user should know of its environment. A file that was named must
    /// be readable, whether or not anything asks for its variables.
    pub fn machine(&self, options: &ProjectOptions) -> Result<Machine, Failure> {
        match self {
            Self::Allowed => {
                let destination = options.destination.as_deref();
                let environment = environment::load(options.env_file.as_deref(), destination);
                match (&environment, &options.env_file) {
                    (Ok(environment), _) => output::print_diagnostics(environment.warnings()),
                    (Err(problems), Some(_)) => {
                        return Err(Failure::of(ExitCode::Configuration, problems.clone()));
                    }
                    (Err(_), None) => {}
                }
                Ok(Machine::new(environment))
            }
            Self::Forbidden(variables) => Ok(Machine::sealed(variables)),
        }
    }

    /// Returns the machine that the templates of another destination see; nothing is said of its environment.
    pub fn machine_of(&self, destination: Option<&str>) -> Machine {
        match self {
            Self::Allowed => Machine::new(environment::load(None, destination)),
            Self::Forbidden(variables) => Machine::sealed(variables),
        }
    }

    /// Fails if the hosts of `config` are reached by a command that may not run.
    pub fn check_connections(&self, config: &Config) -> Result<(), Failure> {
        match (self, &config.ssh.proxy_command) {
            (Self::Forbidden(_), Some(command)) => {
                let message = format!(
                    "the hosts are reached by a proxy command, which --no-exec does not allow: {command}"
                );
                Err(Failure::new(ExitCode::Configuration, message)
                    .help("plan with `--facts FILE` or `--fresh`, which ask no host"))
            }
            (Self::Forbidden(_), None) if !config.ssh.key_data.is_empty() => {
                let message = "the hosts are reached with a key of `ssh.key_data`, a secret that --no-exec does not read";
                Err(Failure::new(ExitCode::Configuration, message)
                    .help("plan with `--facts FILE` or `--fresh`, which ask no host"))
            }
            _ => Ok(()),
        }
    }
}

/// Fails if the environment forbids to run what a repository names, for a command that does just that.
pub fn check_allowed(command: &str) -> Result<(), Failure> {
    match Execution::of_environment() {
        Execution::Allowed => Ok(()),
        Execution::Forbidden(_) => {
            let message = format!("`mrsk {command}` cannot run with {VARIABLE} in the environment");
            Err(Failure::new(ExitCode::Usage, message)
                .help("it runs what the repository says: unset the variable if you trust it"))
        }
    }
}
