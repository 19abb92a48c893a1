//! Options that several commands share. A command takes only the groups that it uses.

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use crate::exit_code::ExitCode;
use crate::name::{HostName, RoleName};
use crate::plan::{BreakGlass, Broadcasts, HookRuns};
use crate::text;
use crate::transport::{KnownHosts, Options};

const DEFAULT_CONFIG: &str = "config/deploy.yml";

const DEFAULT_PARALLEL: u16 = 30;

/// The longest reason, in characters: it is in each line of the audit log.
const MAX_REASON: usize = 200;

/// Which configuration is read.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ProjectOptions {
    /// Configuration file
    #[arg(
        short,
        long = "config-file",
        value_name = "FILE",
        default_value = DEFAULT_CONFIG,
        global = true
    )]
    pub config: PathBuf,

    /// Destination: merges config/deploy.DEST.yml and reads .env.DEST first
    #[arg(short, long, value_name = "DEST", global = true)]
    pub destination: Option<String>,

    /// Read secrets from FILE instead of .env.DEST and .env
    #[arg(long, value_name = "FILE", global = true)]
    pub env_file: Option<PathBuf>,
}

impl ProjectOptions {
    /// Returns whether the configuration file was named, and not as the usual one.
    pub fn names_config(&self) -> bool {
        self.config != Path::new(DEFAULT_CONFIG)
    }

    /// Returns the options that select the configuration as they were given, each with a space in front, to be repeated in a command.
    pub fn repeated(&self) -> String {
        let config = self.config.display().to_string();
        let config = (config != DEFAULT_CONFIG).then_some(("-c", config));
        let destination = self.destination.clone().map(|name| ("-d", name));
        let given = config.into_iter().chain(destination);
        given
            .map(|(option, value)| format!(" {option} {}", text::quote(&value)))
            .collect()
    }
}

/// Which hosts are meant.
#[derive(Debug, Clone, Args)]
pub struct HostOptions {
    /// Only these hosts, separated by commas; short: -h HOSTS
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    pub hosts: Vec<HostName>,

    /// Only the hosts with one of these roles, separated by commas; with --hosts: both
    #[arg(short, long, value_name = "ROLES", value_delimiter = ',')]
    pub roles: Vec<RoleName>,

    /// Only the first host of role `web`, or else of the first role
    #[arg(short, long, conflicts_with = "hosts")]
    pub primary: bool,
}

/// What commands that read from hosts need to know.
#[derive(Debug, Clone, Args)]
pub struct ReadOptions {
    #[command(flatten)]
    pub project: ProjectOptions,
    #[command(flatten)]
    pub link: LinkOptions,
    #[command(flatten)]
    pub hosts: HostOptions,
}

/// Which hosts are meant, whatever roles they have.
#[derive(Debug, Clone, Args)]
pub struct HostsOption {
    /// Only these hosts, separated by commas; short: -h HOSTS
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    pub hosts: Vec<HostName>,
}

/// Which version is meant.
#[derive(Debug, Clone, Args)]
pub struct VersionOptions {
    /// Version: the tag of the image [env: VERSION] [default: the git commit]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
}

/// Which version is deployed, and where.
#[derive(Debug, Clone, Args)]
pub struct DeployOptions {
    #[command(flatten)]
    pub version: VersionOptions,
    #[command(flatten)]
    pub hosts: HostOptions,

    /// Do not build and push; use the image in the registry
    #[arg(short = 'P', long)]
    pub skip_push: bool,

    /// Build without layers of earlier builds
    #[arg(long, conflicts_with = "skip_push")]
    pub no_cache: bool,

    /// Run the release command, also if it has run for this version
    #[arg(long)]
    pub release: bool,

    #[command(flatten)]
    pub hooks: HookOptions,
    #[command(flatten)]
    pub broadcast: BroadcastOptions,
}

/// Whether hooks run.
#[derive(Debug, Clone, Args)]
pub struct HookOptions {
    /// Do not run hooks
    #[arg(short = 'H', long)]
    pub skip_hooks: bool,
}

impl HookOptions {
    /// Returns whether hooks run.
    pub fn runs(&self) -> HookRuns {
        match self.skip_hooks {
            true => HookRuns::Skipped,
            false => HookRuns::All,
        }
    }
}

/// Whether what was done is announced.
#[derive(Debug, Clone, Args)]
pub struct BroadcastOptions {
    /// Do not run `audit_broadcast_cmd`
    #[arg(short = 'B', long)]
    pub skip_broadcast: bool,
}

impl BroadcastOptions {
    /// Returns whether what was done is announced.
    pub fn broadcasts(&self) -> Broadcasts {
        match self.skip_broadcast {
            true => Broadcasts::Skipped,
            false => Broadcasts::Sent,
        }
    }
}

/// Which waits and checks of a switch are left out in an emergency.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Break glass")]
pub struct BreakGlassOptions {
    /// Switch all hosts at once: no canary, no groups, no order of roles
    #[arg(long)]
    pub all_at_once: bool,

    /// Wait at most SECONDS for requests to old containers, instead of drain_timeout
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=86_400))]
    pub drain_timeout: Option<u32>,

    /// Send requests to new containers without a health check; REASON is for the plan and the audit log
    #[arg(long, value_name = "REASON", value_parser = parse_reason)]
    pub skip_healthcheck: Option<String>,
}

impl BreakGlassOptions {
    /// Returns what is left out.
    pub fn break_glass(&self) -> BreakGlass {
        BreakGlass {
            all_at_once: self.all_at_once,
            drain_timeout: self.drain_timeout,
            skip_healthcheck: self.skip_healthcheck.clone(),
        }
    }
}

/// Reads a message for those who find a lock.
pub fn parse_message(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("the message is empty"),
        message => Ok(message.to_owned()),
    }
}

fn parse_reason(text: &str) -> Result<String, &'static str> {
    let reason = text.trim();
    if reason.is_empty() {
        return Err("the reason is empty");
    }
    match reason.chars().count() > MAX_REASON || reason.contains(char::is_control) {
        true => Err("the reason must be one line of at most 200 characters"),
        false => Ok(reason.to_owned()),
    }
}

/// How hosts are reached.
#[derive(Debug, Clone, Default, Args)]
pub struct LinkOptions {
    /// Accept keys of unknown hosts and add them to known_hosts; changed keys are still refused
    #[arg(long, global = true)]
    pub accept_new_host_keys: bool,

    /// Maximum number of concurrent sessions across all hosts [default: 30]
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: Option<u16>,

    /// OpenSSH configuration, instead of ~/.ssh/config [env: MRSK_SSH_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    pub ssh_config: Option<PathBuf>,
}

impl LinkOptions {
    /// Returns the options of the connections. Fails if the ssh configuration that was named is not a file: ssh itself would go
    /// on without it, silently.
    pub fn connection_options(&self) -> Result<Options, Failure> {
        let from_environment = || std::env::var_os("MRSK_SSH_CONFIG").map(PathBuf::from);
        let ssh_config = self.ssh_config.clone().or_else(from_environment);
        Ok(Options {
            known_hosts: match self.accept_new_host_keys {
                true => KnownHosts::AcceptNew,
                false => KnownHosts::Strict,
            },
            user_config: ssh_config.as_deref().map(absolute).transpose()?,
            parallel: self.parallel().into(),
        })
    }

    /// Returns the maximum number of sessions.
    pub fn parallel(&self) -> u16 {
        self.parallel.unwrap_or(DEFAULT_PARALLEL)
    }

    /// Returns the first of these options that was given.
    pub fn given(&self) -> Option<&'static str> {
        let options = [
            (self.accept_new_host_keys, "--accept-new-host-keys"),
            (self.parallel.is_some(), "--parallel"),
            (self.ssh_config.is_some(), "--ssh-config"),
        ];
        options
            .into_iter()
            .find_map(|(is_given, name)| is_given.then_some(name))
    }
}

/// Returns the absolute path of a file: to ssh, a relative one lies below ~/.ssh.
fn absolute(file: &Path) -> Result<PathBuf, Failure> {
    let failure = |problem: &dyn std::fmt::Display| {
        let message = format!(
            "cannot read the ssh configuration {}: {problem}",
            file.display()
        );
        Failure::new(ExitCode::Usage, message)
    };
    let path = file.canonicalize().map_err(|error| failure(&error))?;
    match path.is_dir() {
        true => Err(failure(&"it is a directory")),
        false => Ok(path),
    }
}
