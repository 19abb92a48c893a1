//! The resolved configuration: with every default, roles merged over the global keys, secrets as names.

mod accessory;
mod builder;
mod container;
mod hooks;
mod proxy;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use accessory::{Accessory, AccessoryDirectory, AccessoryFile};
pub use builder::{BuildCache, Builder, BuilderKind, CacheKind, Driver, LocalNode, RemoteNode};
pub use container::{Assets, DockerOption, Env};
pub use hooks::Hooks;
pub use proxy::{Certificate, Proxy};

use super::secrets_files::Origins;
use super::sharers::Sharers;
use super::values::port::host_ports;
use crate::name::{HostName, RoleName};

/// Length of one attempt of the health check: seven of them are as long as the original's seven
/// with their growing pauses.
const ATTEMPT_MS: u32 = 4_000;

/// How often docker runs a health check that names no interval, as the original.
const COMMAND_INTERVAL_MS: u32 = 1_000;

/// A whole configuration, as `mrsk config` prints it and the compiler reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Path of the file, relative to where the command was started, with forward slashes.
    pub path: String,
    /// Name of the service: prefix of its containers.
    pub service: String,
    /// Image name without registry server and tag, such as `37s/hey`.
    pub image: String,
    /// The destination, as given by `-d`, if any.
    pub destination: Option<String>,
    /// Every host once, in the order of the file.
    pub hosts: Vec<Host>,
    /// The roles in the order of the file. At least one.
    pub roles: Vec<Role>,
    /// The role whose first host is the primary one, if the file names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_role: Option<RoleName>,
    /// Where images are pushed to and pulled from.
    pub registry: Registry,
    /// How the image is built.
    pub builder: Builder,
    /// The reverse proxy.
    pub traefik: Traefik,
    /// When a new container counts as healthy.
    pub healthcheck: Healthcheck,
    /// Seconds in which a new container must be healthy, in place of a number of attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_timeout: Option<u32>,
    /// Seconds to wait for a new container of a role without Traefik, if its image has no HEALTHCHECK.
    pub readiness_delay: u32,
    /// Seconds between SIGTERM and SIGKILL when a container is stopped.
    pub stop_wait_time: u32,
    /// Seconds that requests in flight may take after the switch before the old container is stopped.
    pub drain_timeout: u32,
    /// Volumes of every container of the service, as docker's `--volume` takes them.
    pub volumes: Vec<String>,
    /// Log driver and its options.
    pub logging: Logging,
    /// How hosts are reached that do not say so themselves.
    pub ssh: Ssh,
    /// Rolling groups.
    pub boot: Boot,
    /// The command that runs once for each version, before it is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseCommand>,
    /// Days for which stopped containers are kept.
    #[serde(skip)]
    pub retain_days: u32,
    /// How many stopped containers of each role are kept on a host. `None`: their age decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retain_containers: Option<u32>,
    /// Long-lived services beside the app, in file order. A deploy leaves those that exist alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accessories: Vec<Accessory>,
    /// The command that is given each line of what was done, split into words as a shell would.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audit_broadcast_cmd: Vec<String>,
    /// Hooks: programs of the repository that run on this machine.
    #[serde(skip_serializing_if = "Hooks::is_empty")]
    pub hooks: Hooks,
    /// Names for command lines of mrsk, each with the words that it stands for. The first is a command.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Where the secrets come from that secrets files define.
    #[serde(skip)]
    pub secrets_files: Origins,
    /// Who else has accessories, if the operation removes some.
    #[serde(skip)]
    pub sharers: Sharers,
}

/// A host and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// The name without user and port; unique.
    pub name: HostName,
    /// The SSH user.
    pub user: String,
    /// The SSH port; `None` leaves it to the user's ssh configuration (22 by default).
    pub port: Option<u16>,
}

/// A group of hosts that run the same command.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Role {
    /// Its name; `web` if the file has a plain list of servers.
    pub name: RoleName,
    /// Its hosts, in the order of the file. None only with `allow_empty_roles`, and never of the primary role.
    pub hosts: Vec<HostName>,
    /// How many of its containers each host has.
    #[serde(skip_serializing_if = "is_one")]
    pub replicas: u32,
    /// Arguments after the image, split into words as in a shell. Empty: the image's own command.
    pub cmd: Vec<String>,
    /// Environment of its containers: the role's merged over the global one.
    pub env: Env,
    /// Environment of its containers on hosts that have tags, where those of the tags are merged over it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub host_env: BTreeMap<HostName, Env>,
    /// Labels of its containers as the user wrote them: the role's merged over the global ones.
    pub labels: BTreeMap<String, String>,
    /// Further options of `docker create`, in the order of the file.
    pub options: Vec<DockerOption>,
    /// Whether Traefik routes requests to it.
    pub traefik: bool,
    /// Its own health check, if it differs from the global one, or if it has no Traefik.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Seconds between the signal to stop and SIGKILL, if they are not the global ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_wait_time: Option<u32>,
    /// The signal that asks its containers to stop; `None`: the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// The signal that tells its old containers to take no more work before they are stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_signal: Option<String>,
    /// The assets that its containers share with those of the version before. Only of a role with Traefik.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<Assets>,
    /// Its own log driver and options, merged over the global ones; `None`: the global ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// Its own volumes, beside the global ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// What of `proxy` is neither a label nor the health check.
    #[serde(skip_serializing_if = "Proxy::is_empty")]
    pub proxy: Proxy,
}

/// A value that stands in the file, or in a variable of this name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The text itself.
    Literal(String),
    /// The name of the variable that holds it.
    FromEnv(String),
}

/// Where images are pushed to and pulled from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registry {
    /// `host` or `host:port`; `None` is Docker Hub.
    pub server: Option<String>,
    /// User name; `None` if the registry needs no login.
    pub username: Option<Value>,
    /// Name of the secret with the password; `MRSK_REGISTRY_PASSWORD` if the file has it literally.
    pub password: Option<String>,
    /// What hosts log in with, if it is not what pushes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<Credentials>,
}

/// A user of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Credentials {
    /// User name.
    pub username: Value,
    /// Name of the secret with the password.
    pub password: String,
}

impl Registry {
    /// Returns what this machine logs in with; `None` if the registry needs no login.
    pub fn push_credentials(&self) -> Option<Credentials> {
        Some(Credentials {
            username: self.username.clone()?,
            password: self.password.clone()?,
        })
    }

    /// Returns what hosts log in with; `None` if the registry needs no login.
    pub fn pull_credentials(&self) -> Option<Credentials> {
        self.pull.clone().or_else(|| self.push_credentials())
    }
}

/// The reverse proxy in front of the roles that have `traefik: true`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Traefik {
    /// Its image.
    pub image: String,
    /// The port of the host on which its entrypoint `web` is published.
    pub host_port: u16,
    /// Whether it is published there.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub publish: bool,
    /// Its command line, `--name=value` without the dashes; a `None` value is a bare flag.
    pub args: Vec<DockerOption>,
    /// Further options of `docker create`.
    pub options: Vec<DockerOption>,
    /// Environment of its container, such as the token of a DNS provider.
    #[serde(skip_serializing_if = "Env::is_empty")]
    pub env: Env,
    /// Labels of the Traefik container.
    pub labels: BTreeMap<String, String>,
}

/// When a new container counts as healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Healthcheck {
    /// The path that must answer 200.
    pub path: String,
    /// The port inside the container.
    pub port: u16,
    /// The number of attempts.
    pub max_attempts: u32,
    /// Length of an attempt in milliseconds, if it is longer than usual; how often docker runs `cmd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u32>,
    /// The command that docker runs in the container, in place of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<String>,
    /// Last lines of the container's log that a failure shows.
    pub log_lines: u32,
}

/// How long a new container is asked whether it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Length of an attempt in milliseconds.
    pub attempt_ms: u32,
    /// The number of attempts.
    pub attempts: u32,
}

impl Patience {
    /// Returns the whole of it in seconds.
    pub fn seconds(self) -> u32 {
        self.attempts.saturating_mul(self.attempt_ms.div_ceil(1000))
    }
}

/// Log driver and its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logging {
    /// `None` leaves the engine's default driver.
    pub driver: Option<String>,
    /// Options of the driver. `max-size=10m` if the file has no `logging`.
    pub options: BTreeMap<String, String>,
}

/// How hosts are reached that do not say so themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ssh {
    /// The user.
    pub user: String,
    /// The port; `None` leaves it to the user's ssh configuration.
    pub port: Option<u16>,
    /// A jump host, `[user@]host[:port]`.
    pub proxy: Option<String>,
    /// A command whose standard input and output are the connection.
    pub proxy_command: Option<String>,
    /// Files of keys that ssh offers, beside those of its own configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Secrets with the texts of further keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_data: Vec<String>,
    /// Whether ssh offers no other key, as those of the agent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keys_only: bool,
    /// Whether ssh reads no configuration of the user and the machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_config: bool,
}

/// Rolling groups: how many hosts of a role switch at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Boot {
    /// The size of a group; `None`: all at once (after the canary).
    pub limit: Option<Limit>,
    /// Seconds between two groups.
    pub wait: u32,
    /// How many hosts may fail before a deploy stops.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_failures: u32,
    /// Roles that switch one after the other, each everywhere before the next; the others follow the last of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub role_order: Vec<RoleName>,
}

/// A command that runs once for each version on the primary host, before its first container starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseCommand {
    /// The command, split into words as a shell does.
    pub cmd: Vec<String>,
    /// The role whose environment, volumes, options and network its container has.
    pub role: RoleName,
    /// Seconds that it may take; `None`: there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

/// The size of a rolling group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// That many hosts.
    Hosts(u32),
    /// That share of a role's hosts, rounded down, at least one.
    Percent(u32),
}

impl Traefik {
    /// Returns the TCP ports of the host that are published for Traefik: [`Traefik::host_port`] unless it is not, and
    /// those of the options; a range is left to docker.
    pub fn published_ports(&self) -> BTreeSet<u16> {
        let mut ports = published(&self.options);
        ports.extend(self.publish.then_some(self.host_port));
        ports
    }
}

impl Role {
    /// Returns the environment of its containers on `host`.
    pub fn env_of(&self, host: &HostName) -> &Env {
        self.host_env.get(host).unwrap_or(&self.env)
    }

    /// Returns the environments that its containers have, on one host or another.
    pub fn envs(&self) -> Vec<&Env> {
        match self.hosts.is_empty() {
            true => vec![&self.env],
            false => self.hosts.iter().map(|host| self.env_of(host)).collect(),
        }
    }

    /// Returns the TCP ports of the host that the options publish; a range is left to docker.
    pub fn published_ports(&self) -> BTreeSet<u16> {
        published(&self.options)
    }
}

/// Whether a number has the value that is not shown.
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Whether a number has the value that is not shown.
fn is_one(number: &u32) -> bool {
    *number == 1
}

fn published(options: &[DockerOption]) -> BTreeSet<u16> {
    let options = options.iter().filter(|option| option.name == "publish");
    host_ports(options.filter_map(|option| option.value.as_deref()))
}

impl Healthcheck {
    /// Returns how often docker runs its command, in milliseconds.
    pub fn docker_interval_ms(&self) -> u32 {
        self.interval_ms.unwrap_or(COMMAND_INTERVAL_MS)
    }
}

impl Config {
    /// Returns the role whose first host is the primary one: the one that the file names, else `web` if there is one, else the
    /// first.
    pub fn primary_role(&self) -> Option<&Role> {
        let named = self.primary_role.as_ref().map_or("web", RoleName::as_str);
        let primary = self.roles.iter().find(|role| role.name.as_str() == named);
        primary.or(self.roles.first())
    }

    /// Returns the host that holds the deploy lock and on which `--primary` acts.
    pub fn primary_host(&self) -> Option<&HostName> {
        self.primary_role().and_then(|role| role.hosts.first())
    }

    /// Returns the health check of `role`: its own, else the global one.
    pub fn healthcheck_of<'a>(&'a self, role: &'a Role) -> &'a Healthcheck {
        role.healthcheck.as_ref().unwrap_or(&self.healthcheck)
    }

    /// Returns how long `check` is waited for.
    pub fn patience(&self, check: &Healthcheck) -> Patience {
        match self.deploy_timeout {
            Some(seconds) => Patience {
                attempt_ms: 1000,
                attempts: seconds,
            },
            None => Patience {
                attempt_ms: check.interval_ms.unwrap_or(0).max(ATTEMPT_MS),
                attempts: check.max_attempts,
            },
        }
    }

    /// Returns the seconds that a container of `role` gets to stop.
    pub fn stop_wait_time_of(&self, role: &RoleName) -> u32 {
        let own = self.roles.iter().find(|other| other.name == *role);
        let own = own.and_then(|role| role.stop_wait_time);
        own.unwrap_or(self.stop_wait_time)
    }

    /// Returns the image's repository with the registry's server in front, without a tag.
    pub fn repository(&self) -> String {
        match &self.registry.server {
            Some(server) => format!("{server}/{}", self.image),
            None => self.image.clone(),
        }
    }

    /// Returns `service` or `service-destination`: what names are made of.
    pub fn service_with_destination(&self) -> String {
        match &self.destination {
            Some(destination) => format!("{}-{destination}", self.service),
            None => self.service.clone(),
        }
    }
}
