//! How the image is built: by what, for which platforms, and with what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::name::SecretVariable;

/// How the image is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Builder {
    /// Which builder.
    pub kind: BuilderKind,
    /// Path of the Dockerfile, relative to the current directory.
    pub dockerfile: String,
    /// Path of the build context, relative to the current directory.
    pub context: String,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The secrets that the build may mount.
    pub secrets: Vec<SecretVariable>,
    /// The stage of the Dockerfile that becomes the image; `None`: the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The build arguments whose values are secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_args: Vec<SecretVariable>,
    /// Where a build keeps its layers for the next one, beside its builder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<BuildCache>,
    /// Whether the build may use the keys of this machine's SSH agent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ssh: bool,
    /// What builds, if the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// The value of `--provenance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// The value of `--sbom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<String>,
}

/// What builds the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The engine itself.
    Docker,
    /// A builder in a container.
    DockerContainer,
}

/// The cache of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildCache {
    /// Where it is.
    pub kind: CacheKind,
    /// Options of `--cache-to`.
    pub options: Option<String>,
    /// The image that it is kept as, without the registry's server.
    pub image: Option<String>,
}

/// Where the cache of a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheKind {
    /// GitHub's cache of actions.
    Gha,
    /// An image of the registry.
    Registry,
}

impl Builder {
    /// Returns all secret variables that a build gets, each once.
    pub fn secret_variables(&self) -> Vec<SecretVariable> {
        let mut variables = self.secret_args.clone();
        let mounted = self
            .secrets
            .iter()
            .filter(|variable| !self.secret_args.contains(variable));
        variables.extend(mounted.cloned());
        variables
    }

    /// Returns the names of the secrets that a build gets, each once.
    pub fn secret_names(&self) -> Vec<String> {
        let variables = self.secret_variables().into_iter();
        let names: BTreeSet<String> = variables.map(|variable| variable.secret).collect();
        Vec::from_iter(names)
    }

    /// Returns whether a builder has to be made, which builds and pushes: an engine alone cannot do what is asked for.
    pub fn needs_buildx(&self) -> bool {
        let attests = [&self.provenance, &self.sbom];
        let attests = attests.into_iter().flatten().any(|value| value != "false");
        let by_kind = match &self.kind {
            BuilderKind::Native | BuilderKind::NativeRemote(_) => false,
            BuilderKind::Platforms(archs) => archs.len() > 1,
            BuilderKind::Multiarch | BuilderKind::MultiarchRemote { .. } => true,
        };
        by_kind || attests || self.cache.is_some() || self.driver == Some(Driver::DockerContainer)
    }
}

/// Which of docker's builders makes the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BuilderKind {
    /// `docker build` and `docker push`: the machine's own architecture.
    Native,
    /// The same on the engine of another machine, for its architecture.
    NativeRemote(RemoteNode),
    /// This machine, for these architectures; what is foreign to it runs under QEMU.
    Platforms(Vec<String>),
    /// A builder of this machine for amd64 and arm64; what is foreign to it runs under QEMU.
    Multiarch,
    /// A builder of two machines, each for its own architecture.
    MultiarchRemote {
        /// The node of this machine.
        local: LocalNode,
        /// The other machine's.
        remote: RemoteNode,
    },
}

/// The machine that starts the build, as a node of a builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocalNode {
    /// The architecture that it builds for, as docker names it.
    pub arch: String,
    /// Address of its engine; `None`: the one that docker uses there.
    pub host: Option<String>,
}

/// Another machine that builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoteNode {
    /// The architecture that it builds for, as docker names it.
    pub arch: String,
    /// Address of its engine, such as `ssh://root@192.0.2.1`.
    pub host: String,
}

impl BuilderKind {
    /// Returns the platforms that the image is built for; empty: that of the machine's engine.
    pub fn platforms(&self) -> Vec<String> {
        let archs = match self {
            Self::Native => vec![],
            Self::NativeRemote(node) => vec![node.arch.as_str()],
            Self::Platforms(archs) => archs.iter().map(String::as_str).collect(),
            Self::Multiarch => vec!["amd64", "arm64"],
            Self::MultiarchRemote { local, remote } => {
                vec![local.arch.as_str(), remote.arch.as_str()]
            }
        };
        archs.iter().map(|arch| format!("linux/{arch}")).collect()
    }
}
