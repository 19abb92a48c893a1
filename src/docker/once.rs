//! Commands for containers that are made for one command of a user, and for commands in containers that run.

use super::container::{env, mounts, options};
use super::image::each;
use super::names::{self, LABEL_SERVICE};
use crate::action::Run;
use crate::config::is_read_at_start;
use crate::config::model::{Accessory, Config, DockerOption, Env, Role};
use crate::name::HostName;

/// Options of a role or an accessory that only its own container can have, or that do not fit one that is removed at its end.
const OF_ITS_OWN: [&str; 12] = [
    "attach",
    "health-cmd",
    "interactive",
    "ip",
    "ip6",
    "link-local-ip",
    "mac-address",
    "network-alias",
    "publish",
    "publish-all",
    "restart",
    "tty",
];

/// What a command reads, and where it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// It reads nothing.
    Output,
    /// It reads what its user writes.
    Input,
    /// It has its user's terminal.
    Terminal,
}

/// A command of a user.
#[derive(Debug, Clone, Copy)]
pub struct Once<'a> {
    /// Name of the container that is made for it.
    pub name: &'a str,
    /// The image.
    pub image: &'a str,
    /// The command.
    pub words: &'a [String],
    /// What it reads.
    pub streams: Streams,
    /// Home of the SSH user on the host.
    pub home: &'a str,
}

impl Streams {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Output => &[],
            Self::Input => &["--interactive"],
            Self::Terminal => &["--interactive", "--tty"],
        }
    }
}

/// Returns the command that creates a container with the environment that `role` has on `host`, its volumes and options. The image
/// must be there.
pub fn create(config: &Config, role: &Role, host: &HostName, once: &Once<'_>) -> Run {
    let mut argv = begin(config, once);
    argv.extend(["--pull", "never"].map(str::to_owned));
    argv.extend(each("--volume", mounts(config, role, once.home)));
    finish(argv, role.env_of(host), &role.options, once)
}

/// Returns the same for an accessory. `mounts` are its volumes, files and directories, as docker's `--volume` takes them.
pub fn create_of_accessory(
    config: &Config,
    accessory: &Accessory,
    mounts: Vec<String>,
    once: &Once<'_>,
) -> Run {
    let mut argv = begin(config, once);
    argv.extend(each("--volume", mounts));
    finish(argv, &accessory.env, &accessory.options, once)
}

/// Returns whether a container that is made for one command has this option of its role or accessory.
pub(super) fn is_shared(option: &DockerOption) -> bool {
    !OF_ITS_OWN.contains(&option.name.as_str())
}

fn begin(config: &Config, once: &Once<'_>) -> Vec<String> {
    let create = ["docker", "create", "--name", once.name, "--rm"];
    let mut argv: Vec<String> = create.map(str::to_owned).into();
    argv.extend(
        once.streams
            .options()
            .iter()
            .map(|option| (*option).to_owned()),
    );
    // Neither this Traefik nor one of the original sends requests to it.
    let labels = [
        format!("{LABEL_SERVICE}={}", config.service),
        "traefik.enable=false".to_owned(),
    ];
    argv.extend(each("--label", labels));
    argv
}

fn finish(mut argv: Vec<String>, of: &Env, own: &[DockerOption], once: &Once<'_>) -> Run {
    let shared = own.iter().filter(|option| is_shared(option));
    let shared: Vec<DockerOption> = shared.cloned().collect();
    argv.extend(env(of, once.name));
    argv.extend(options(&shared, once.home));
    argv.push(once.image.to_owned());
    argv.extend(once.words.iter().cloned());
    let mut run = Run::literal(argv);
    let secrets = of.secret.iter().cloned();
    (run.env_file, run.env) = secrets.partition(|variable| is_read_at_start(&variable.name));
    run
}

/// Returns the command that connects a container to mrsk's network.
pub fn connect(name: &str) -> Run {
    Run::literal(["docker", "network", "connect", names::NETWORK, name])
}

/// Returns the command that starts a container and stays with it until it ends.
pub fn start(name: &str, streams: Streams) -> Run {
    let mut argv = vec!["docker", "start", "--attach"];
    if streams != Streams::Output {
        argv.push("--interactive");
    }
    argv.push(name);
    Run::literal(argv)
}

/// Returns the command that removes a container, if it is still there.
pub fn remove(name: &str) -> Run {
    Run::literal(["docker", "rm", "--force", name])
}

/// Returns the command that runs the words in a container that runs.
pub fn exec(container: &str, words: &[String], streams: Streams) -> Run {
    let mut argv = vec!["docker", "exec"];
    argv.extend(streams.options());
    argv.push(container);
    argv.extend(words.iter().map(String::as_str));
    Run::literal(argv)
}
