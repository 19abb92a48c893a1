//! What is known about the hosts, as `mrsk inspect` prints it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kamal_proxy::KamalProxyFacts;
use super::routed::RoutedFacts;
use crate::json::MAX_INTEGER;
use crate::name::{HostName, PlanDigest, Sha256Hex};
use crate::record::Unfinished;

/// The most bytes that facts tell of.
pub const MAX_BYTES: u64 = MAX_INTEGER;

/// Everything that [`crate::plan`] knows of the world outside the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Version of this document: `1.0`.
    pub format_version: String,
    /// The hosts by name.
    pub hosts: BTreeMap<HostName, HostFacts>,
    /// Registry digests (`sha256:…`) of images by reference, if the registry answered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registry: BTreeMap<String, String>,
    /// Bytes of the layers of images by reference as the registry keeps them, compressed, if it answered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registry_bytes: BTreeMap<String, u64>,
    /// Registry digest of the image that was built and pushed for this operation before the hosts were looked at. Only the run that did so
    /// knows it: recorded facts have none.
    #[serde(skip)]
    pub pushed: Option<String>,
    /// References of images that the registry was asked for and does not have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub registry_lacks: BTreeSet<String>,
    /// The work tree that an image would be built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceFacts>,
    /// Whether the hosts were asked if the secrets of their containers still have the local values. False for recorded facts, and
    /// if the local values were not looked up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secrets_compared: bool,
    /// When the facts were taken, in seconds since 1970; what is old enough to be pruned is judged by it.
    #[serde(default)]
    pub taken_at: u64,
}

/// The work tree that an image would be built from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFacts {
    /// The commit, 40 hexadecimal digits; absent outside git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Git's tree id of the build context at that commit; absent if the context is not part of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Git's tree ids of the build context at commits that versions name, as far as it knows them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub named: BTreeMap<String, String>,
    /// Digest of the changes to tracked files; absent without changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Sha256Hex>,
    /// Whether there is no directory where the build context should be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub context_missing: bool,
    /// The files in the directories of hooks, by their paths relative to the current directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<String, LocalFile>,
    /// What is wrong with hooks that cannot be run, by their paths, or with a directory of hooks that cannot be read, by its path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hook_problems: BTreeMap<String, String>,
    /// The current directory, relative to the git root; absent if it is that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Why git gave no commit, in its own words. Not recorded.
    #[serde(skip)]
    pub git_problem: Option<String>,
    /// Untracked files that get into the build context, at most 20 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untracked: Vec<String>,
    /// The build context, relative to the git root, else to the current directory.
    #[serde(default)]
    pub context: String,
    /// The Dockerfile, relative to the git root, else to the current directory.
    #[serde(default)]
    pub dockerfile: String,
    /// SHA-256 of the Dockerfile; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile_sha256: Option<Sha256Hex>,
    /// The credential helper that docker asks for the app's registry on the machine that plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_helper: Option<String>,
    /// Files of accessories and the program of `audit_broadcast_cmd`, by the path that the configuration has. Files that cannot be read, or are outside of the git root,
    /// are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, LocalFile>,
}

/// A file of the machine that plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalFile {
    /// Its path, relative to the git root, else to the current directory.
    pub path: String,
    /// SHA-256 of its bytes. Of a template: of the template.
    pub sha256: Sha256Hex,
    /// Its permission bits in octal without write access for others, as `0400`; absent: `0644`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

impl LocalFile {
    /// Returns its path as a program that starts in the git root: never one of `PATH`.
    pub fn program(&self) -> String {
        match self.path.contains('/') {
            true => self.path.clone(),
            false => format!("./{}", self.path),
        }
    }
}

/// What one host answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostFacts {
    /// Identity of the machine, the same after a reboot: 32 hexadecimal digits of the SHA-256 of its machine id, its
    /// host name and its SSH host key together, since clones often share one or two of them.
    pub machine_id: String,
    /// Id of the current boot; differs between clones that share their [`HostFacts::machine_id`].
    pub boot_id: String,
    /// `uname -n`.
    pub hostname: String,
    /// `ID` of `/etc/os-release`, such as `debian`.
    pub os: String,
    /// `uname -m`, such as `x86_64`.
    pub architecture: String,
    /// Login directory of the SSH user.
    pub home: String,
    /// The SSH user.
    pub user: String,
    /// How commands that need root are run.
    pub privilege: Privilege,
    /// Where mrsk keeps its state: `/var/lib/mrsk` for root, `HOME/.mrsk` for others.
    pub state_dir: String,
    /// How packages are installed: `apt-get`, or empty if the host has no package manager that mrsk supports.
    pub package_manager: String,
    /// What starts services: `systemd`, or `service` without systemd.
    pub service_manager: String,
    /// The host's SSH keys, as known_hosts has them after the name. Set by the connection, not by the host's own word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_keys: Vec<String>,
    /// Whether curl is installed.
    pub curl: CurlFacts,
    /// The container engine.
    pub docker: DockerFacts,
    /// Containers of this service in all destinations and roles, Traefik's, and those behind kamal-proxy, by name.
    pub containers: BTreeMap<String, ContainerFacts>,
    /// Files that mrsk writes (routing files, and those of accessories), by absolute path.
    pub files: BTreeMap<String, FileFacts>,
    /// The directories of accessories that exist, by absolute path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub directories: BTreeMap<String, DirectoryFacts>,
    /// The directories of assets of this service and destination, by name: each with the names of those that it was joined with. What
    /// is half made begins with `part-`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub assets: BTreeMap<String, BTreeSet<String>>,
    /// The running Traefik, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traefik: Option<TraefikFacts>,
    /// What the kamal-proxy serves that runs there, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kamal_proxy: Option<Box<KamalProxyFacts>>,
    /// The host directory that routing files belong in: the one that the running Traefik watches, else
    /// `STATE_DIR/traefik`.
    pub routing_directory: String,
    /// Names of the files there that Traefik reads, of whomever they are; other characters than those of mrsk's own names are `?`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub routing_files: BTreeSet<String>,
    /// The holders of the ports that are to be published, by port. A free port is absent.
    pub ports: BTreeMap<String, PortFacts>,
    /// Names of docker's networks.
    pub networks: BTreeSet<String>,
    /// Images of this service by reference (`repository:tag`), and those that accessories and Traefik are created from.
    pub images: BTreeMap<String, ImageFacts>,
    /// Free bytes where docker keeps its data, or will; 0 if unknown.
    pub free_bytes: u64,
    /// Registries that have a login in the configuration that `mrsk registry login` keeps here, for this service and destination.
    pub logins: BTreeSet<String>,
    /// The serial and the plan that last began here, for this service and destination.
    pub serial: SerialFacts,
    /// Digests of the plans that were applied completely here.
    pub finished: BTreeSet<PlanDigest>,
    /// Digests of runs that began and did not end here.
    pub unfinished: BTreeSet<PlanDigest>,
    /// The last routes that have sent requests to containers, and those of the version that was asked about, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routed: Vec<RoutedFacts>,
    /// Who holds the deploy lock, if this host has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
}

/// How commands that need root are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// The SSH user is root.
    Root,
    /// `sudo -n` works.
    Sudo,
    /// Neither.
    #[default]
    None,
}

/// Whether curl is installed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CurlFacts {
    /// Whether `curl` is found.
    pub installed: bool,
}

/// The container engine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DockerFacts {
    /// Whether the `docker` command is found.
    pub installed: bool,
    /// Whether the engine answers the SSH user.
    pub answers: bool,
    /// Whether its socket exists, but the SSH user has no access to it.
    pub denied: bool,
    /// The engine's version; for information.
    pub version: String,
    /// Why mrsk cannot use this engine (rootless, userns-remap, a remote `DOCKER_HOST`); empty if it can.
    pub unsupported: String,
    /// Registries for which the SSH user's docker asks a credential helper.
    pub helpers: BTreeSet<String>,
    /// Registries with a login in the SSH user's own configuration, as earlier versions wrote it. It is not used.
    #[serde(rename = "logins", skip_serializing)]
    #[schemars(skip)]
    pub former_logins: BTreeSet<String>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContainerFacts {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: ContainerState,
    /// The state of the image's own health check.
    pub health: Health,
    /// The image reference it was created from.
    pub image: String,
    /// The id of the image it runs.
    pub image_id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its networks, each with the aliases it has there.
    pub networks: BTreeMap<String, NetworkFacts>,
    /// When it was created, in seconds since 1970.
    pub created_at: u64,
    /// When it last stopped, in seconds since 1970; 0 if it never ran, or runs for the first time.
    pub stopped_at: u64,
    /// The exit status of its main process, if that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Requests in flight: established connections to its port. 0 if it does not run.
    pub in_flight: u64,
    /// Whether its health check, asked just now at its own address, answered 200. False if it does not run, has no
    /// label `mrsk.healthcheck`, or the host has no curl.
    pub healthy: bool,
    /// Names of the secrets whose value in this container differs from the local one. Empty if that was not asked.
    pub secrets_differ: BTreeSet<String>,
}

/// The state of a container, as docker names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// It was never started.
    #[default]
    Created,
    /// Its main process runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// It ended, and docker is about to start it again.
    Restarting,
    /// Docker is removing it.
    Removing,
    /// Its main process has ended.
    Exited,
    /// Docker could not remove it.
    Dead,
}

/// The state of the health check that an image brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// The image has no health check. Empty in the document.
    #[default]
    #[serde(rename = "", alias = "none")]
    None,
    /// No result yet.
    Starting,
    /// The last check succeeded.
    Healthy,
    /// The last checks failed.
    Unhealthy,
}

impl ContainerState {
    /// Returns whether a container in this state runs, or is about to run again.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Restarting | Self::Paused)
    }
}

impl fmt::Display for ContainerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl From<ContainerState> for serde_json::Value {
    fn from(state: ContainerState) -> Self {
        state.to_string().into()
    }
}

/// A container's part in a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkFacts {
    /// The names that the others of the network know it by.
    pub aliases: BTreeSet<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileFacts {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// For a routing file: its text, so that a switch that fails can put it back.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// For a routing file: the aliases of the containers it names.
    pub aliases: BTreeSet<String>,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryFacts {
    /// How many files and directories are directly in it; 0 if it cannot be read.
    pub entries: u64,
}

/// The running Traefik.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TraefikFacts {
    /// The name of its container.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Its command line.
    pub args: Vec<String>,
    /// The host directory that its file provider watches; empty without one.
    pub directory: String,
    /// Whether mrsk may write there.
    pub writable: bool,
}

/// Who holds a port.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PortFacts {
    /// `container NAME`, or `process` if it is not a container.
    pub holder: String,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImageFacts {
    /// Its id.
    pub id: String,
    /// Its registry digests, `sha256:…`.
    pub digests: BTreeSet<String>,
    /// When it was created, in seconds since 1970.
    pub created_at: u64,
    /// Its bytes on the host, with the layers that it shares with others; 0 if unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub bytes: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The serial of a service and destination on a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SerialFacts {
    /// How many plans have begun here; 0: none.
    pub number: u64,
    /// The plan that last began here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanDigest>,
    /// How far that plan is here; absent if it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
}
