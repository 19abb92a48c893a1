//! Operations as they are typed: `mrsk plan OPERATION` plans one, `mrsk OPERATION` also applies the plan.

use clap::Args;

use super::failure::Failure;
use super::git;
use super::options::{DeployOptions, HostOptions, VersionOptions};
use crate::config::model::Config;
use crate::exit_code::ExitCode;
use crate::facts::model::SourceFacts;
use crate::facts::source;
use crate::name::HostName;
use crate::plan::{
    BreakGlass, Broadcasts, HookRuns, Operation, OperationKind, Orphans, Release, ReleaseRuns,
    compile,
};
use crate::text;

/// The arguments of an operation.
pub trait OperationArgs {
    /// Returns the operation, with defaults from the configuration and from git.
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure>;

    /// Returns whether a person is asked before the plan is applied, whatever it does: its target was not named.
    fn is_confirmed(&self) -> bool {
        false
    }
}

/// The arguments of an operation, with the options of the command that it was given to.
#[derive(Debug, Args)]
pub struct Given<A: Args, O: Args> {
    #[command(flatten)]
    pub arguments: A,
    #[command(flatten)]
    pub options: O,
}

/// An operation on the roles that options select.
pub struct OnRoles {
    /// What is done.
    pub kind: OperationKind,
    /// Where.
    pub hosts: HostOptions,
}

impl OperationArgs for OnRoles {
    fn operation(&self, config: &Config, _: &SourceFacts) -> Result<Operation, Failure> {
        Ok(on_hosts(self.kind.clone(), &self.hosts, config))
    }
}

/// An operation with the word whether its hooks run.
pub struct WithHooks<A> {
    /// The operation.
    pub arguments: A,
    /// Whether its hooks run.
    pub hooks: HookRuns,
}

impl<A: OperationArgs> OperationArgs for WithHooks<A> {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        let operation = self.arguments.operation(config, source)?;
        Ok(Operation {
            hooks: self.hooks,
            ..operation
        })
    }
}

/// An operation with the word whether it is announced.
pub struct WithBroadcasts<A> {
    /// The operation.
    pub arguments: A,
    /// Whether it is announced.
    pub broadcasts: Broadcasts,
}

impl<A: OperationArgs> OperationArgs for WithBroadcasts<A> {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        let operation = self.arguments.operation(config, source)?;
        Ok(Operation {
            broadcasts: self.broadcasts,
            ..operation
        })
    }
}

/// An operation on hosts, whatever roles they have.
pub struct OnHosts {
    /// What is done.
    pub kind: OperationKind,
    /// Where; empty: everywhere.
    pub hosts: Vec<HostName>,
}

impl OperationArgs for OnHosts {
    fn operation(&self, config: &Config, _: &SourceFacts) -> Result<Operation, Failure> {
        Ok(Operation {
            kind: self.kind.clone(),
            destination: config.destination.clone(),
            hosts: self.hosts.clone(),
            roles: Vec::new(),
            break_glass: BreakGlass::default(),
            orphans: Orphans::Named,
            release_runs: ReleaseRuns::Once,
            hooks: HookRuns::All,
            broadcasts: Broadcasts::Sent,
        })
    }
}

/// Returns the operation that was asked for, and by whom if it says so.
pub async fn asked(
    arguments: &dyn OperationArgs,
    config: &Config,
    source: &SourceFacts,
) -> Result<Operation, Failure> {
    let mut operation = arguments.operation(config, source)?;
    if operation.kind.says_who_asked() {
        operation.kind.set_asked_by(git::user_name().await);
    }
    Ok(operation)
}

/// Returns the version that was named, or that the environment names; `None`: the compiler finds it.
pub fn named_version(version: Option<&String>) -> Result<Option<String>, Failure> {
    let from_environment = || std::env::var("VERSION").ok();
    let version = version
        .cloned()
        .or_else(|| from_environment().filter(|version| !version.is_empty()));
    version.map(checked_version).transpose()
}

/// Returns a version if it can be one.
pub fn checked_version(version: String) -> Result<String, Failure> {
    if is_tag(&version) {
        return Ok(version);
    }
    let message = format!("`{}` is not a valid version", text::one_line(&version));
    Err(Failure::new(ExitCode::Usage, message).help(
        "use letters, digits, `_`, `.` and `-`, at most 128: the version is the tag of the image",
    ))
}

/// Returns the operation of this kind that deploys a version to the hosts that the options select.
pub fn release(
    kind: fn(Release) -> OperationKind,
    options: &DeployOptions,
    config: &Config,
    source: &SourceFacts,
) -> Result<Operation, Failure> {
    let release = Release {
        version: version(&options.version, source)?,
        skip_push: options.skip_push,
        no_cache: options.no_cache,
    };
    Ok(Operation {
        release_runs: match options.release {
            true => ReleaseRuns::Again,
            false => ReleaseRuns::Once,
        },
        hooks: options.hooks.runs(),
        broadcasts: options.broadcast.broadcasts(),
        ..on_hosts(kind(release), &options.hosts, config)
    })
}

/// Returns the version: of the options, of the environment, else the git commit.
pub fn version(options: &VersionOptions, source: &SourceFacts) -> Result<String, Failure> {
    let from_environment = || std::env::var("VERSION").ok();
    let version = options
        .version
        .clone()
        .or_else(|| from_environment().filter(|version| !version.is_empty()))
        .or_else(|| source::default_version(source))
        .ok_or_else(|| no_version(source))?;
    checked_version(version)
}

fn no_version(source: &SourceFacts) -> Failure {
    let (why, help) = match &source.git_problem {
        None => (
            "no git commit here",
            "commit in a git repository".to_owned(),
        ),
        Some(why) => match why.split('\'').nth(1) {
            Some(directory) => {
                let trust = format!("git config --global --add safe.directory '{directory}'");
                (
                    why.as_str(),
                    format!("run `{trust}`, run mrsk as the owner of that directory"),
                )
            }
            None => (why.as_str(), "install git".to_owned()),
        },
    };
    let message = format!("cannot determine the version: {why}");
    Failure::new(ExitCode::Configuration, message)
        .help(format!("{help}, or pass `--version VERSION`"))
}

/// Returns the hosts that the options select.
pub fn selected_hosts(options: &HostOptions, config: &Config) -> Result<Vec<HostName>, Failure> {
    let kind = OperationKind::Deploy(Release {
        version: String::new(),
        skip_push: false,
        no_cache: false,
    });
    compile::selected_hosts(config, &on_hosts(kind, options, config))
        .map_err(|diagnostics| Failure::of(ExitCode::Usage, diagnostics))
}

fn on_hosts(kind: OperationKind, options: &HostOptions, config: &Config) -> Operation {
    let hosts = match (options.primary, config.primary_host()) {
        (true, Some(primary)) => vec![primary.clone()],
        _ => options.hosts.clone(),
    };
    Operation {
        kind,
        destination: config.destination.clone(),
        hosts,
        roles: options.roles.clone(),
        break_glass: BreakGlass::default(),
        orphans: Orphans::Named,
        release_runs: ReleaseRuns::Once,
        hooks: HookRuns::All,
        broadcasts: Broadcasts::Sent,
    }
}

/// Returns whether `text` can be the tag of an image.
fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    text.len() <= 128
        && bytes.next().is_some_and(is_word)
        && bytes.all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}
