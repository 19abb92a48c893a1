//! Options that several commands share.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Failure;
use crate::exit_code::ExitCode;
use crate::name::{HostName, RoleName};
use crate::show::Look;
use crate::text::Styling;
use crate::transport::{KnownHosts, Options};

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// Configuration file
    #[arg(
        short,
        long = "config-file",
        value_name = "FILE",
        default_value = "config/deploy.yml",
        global = true
    )]
    pub config: PathBuf,

    /// Where it is deployed to: config/deploy.DEST.yml is merged over config/deploy.yml, and .env.DEST goes before .env
    #[arg(short, long, value_name = "DEST", global = true)]
    pub destination: Option<String>,

    /// File with secrets, instead of .env.DEST and .env in the current directory
    #[arg(long, value_name = "FILE", global = true)]
    pub env_file: Option<PathBuf>,
}

/// What is deployed, and where.
#[derive(Debug, Clone, Args)]
pub struct SelectionArgs {
    /// Version to deploy [default: the git commit]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,

    /// On which hosts.
    #[command(flatten)]
    pub hosts: HostArgs,

    /// Do not build and push: deploy the image that the registry has for this version
    #[arg(long)]
    pub skip_push: bool,
}

/// Which hosts.
#[derive(Debug, Clone, Args)]
pub struct HostArgs {
    /// Only these hosts, separated by commas
    #[arg(long, value_name = "HOSTS", value_delimiter = ',')]
    pub hosts: Vec<HostName>,

    /// Only the hosts of these roles, separated by commas
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    pub roles: Vec<RoleName>,

    /// Only the primary host
    #[arg(long, conflicts_with = "hosts")]
    pub primary: bool,
}

/// How hosts are reached.
#[derive(Debug, Clone, Args)]
pub struct LinkArgs {
    /// Accept the keys of hosts that are not known yet, and write them to known_hosts; a key that changed is still refused
    #[arg(long)]
    pub accept_new_host_keys: bool,

    /// Sessions at the same time, over all hosts
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: u16,

    /// ssh configuration to use instead of ~/.ssh/config
    #[arg(
        long,
        value_name = "FILE",
        env = "MRSK_SSH_CONFIG",
        hide_env_values = true
    )]
    pub ssh_config: Option<PathBuf>,
}

impl LinkArgs {
    /// Returns the options of the connections. Fails where the ssh configuration that was named is no file: ssh itself
    /// would say nothing, and go on without it.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        Ok(Options {
            known_hosts: if self.accept_new_host_keys {
                KnownHosts::AcceptNew
            } else {
                KnownHosts::Strict
            },
            user_config: self.ssh_config.as_deref().map(absolute).transpose()?,
            parallel: self.parallel.into(),
        })
    }
}

/// Returns the absolute path of a file: to ssh, a relative one lies below ~/.ssh.
fn absolute(file: &Path) -> Result<PathBuf, Failure> {
    let problem = |problem: String| {
        Failure::new(
            ExitCode::Usage,
            format!("--ssh-config {}: {problem}", file.display()),
        )
    };
    let path = file
        .canonicalize()
        .map_err(|error| problem(error.to_string()))?;
    match path.is_dir() {
        true => Err(problem("it is a directory".into())),
        false => Ok(path),
    }
}

/// Returns how text on standard error is styled: with colors if it is a terminal and NO_COLOR is not set.
pub fn styling() -> Styling {
    styling_on(std::io::stderr().is_terminal())
}

/// Returns how a table looks on standard error.
pub fn look() -> Look {
    look_on(std::io::stderr().is_terminal())
}

/// Returns how a table looks on standard output.
pub fn look_on_stdout() -> Look {
    look_on(std::io::stdout().is_terminal())
}

fn look_on(is_terminal: bool) -> Look {
    Look {
        styling: styling_on(is_terminal),
        width: is_terminal
            .then(|| rustix::termios::tcgetwinsize(std::io::stderr()).ok())
            .flatten()
            .map(|size| size.ws_col)
            .filter(|columns| *columns > 0),
    }
}

fn styling_on(is_terminal: bool) -> Styling {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match is_terminal && !no_color {
        true => Styling::Ansi,
        false => Styling::Plain,
    }
}
