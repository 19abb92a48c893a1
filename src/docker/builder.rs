//! Builders of docker's buildx: they build for several architectures, and push what they built themselves.

use super::image::{Build, build_arguments, command, each, reference};
use super::local_command::{
    MANIFEST_DIGEST, PRINTED_DIGEST, built_alone, built_for, without_builder,
};
use crate::action::{OwnConfig, Run};
use crate::config::model::{BuilderKind, Config};
use crate::name::Sha256Hex;

/// A builder that has to be made before anything can be built.
pub struct Buildx<'a> {
    config: &'a Config,
    /// Its name.
    pub name: String,
    /// Architecture and address of the engine of each of its machines; without an architecture: whatever that can build.
    nodes: Vec<(Option<&'a str>, Option<&'a str>)>,
}

/// Returns what builds the image, for people: `Builder: multiarch`, with the names of the original.
pub fn describe(config: &Config) -> String {
    let kind = &config.builder.kind;
    let name = match kind {
        BuilderKind::Native | BuilderKind::Platforms(_) if !config.builder.needs_buildx() => {
            "native"
        }
        BuilderKind::Native => "native/cached",
        BuilderKind::NativeRemote(_) => "native/remote",
        BuilderKind::Multiarch | BuilderKind::Platforms(_) => "multiarch",
        BuilderKind::MultiarchRemote { .. } => "multiarch/remote",
    };
    let mut text = format!("Builder: {name}\n");
    if let Some(buildx) = Buildx::of(config) {
        text += &format!("Name: {}\n", buildx.name);
    }
    if let BuilderKind::NativeRemote(node) = kind {
        text += &format!("Engine: {}\n", node.host);
    }
    if let BuilderKind::MultiarchRemote { local, remote } = kind {
        let host = local.host.as_deref().unwrap_or("this machine");
        text += &format!("Engine: {host} ({})\n", local.arch);
        text += &format!("Engine: {} ({})\n", remote.host, remote.arch);
    }
    let platforms = match kind.platforms() {
        platforms if platforms.is_empty() => "that of this machine's engine".to_owned(),
        platforms => platforms.join(", "),
    };
    text + &format!("Platforms: {platforms}\n")
}

/// Returns the local commands that show what docker knows of builders and engines; none if only the engine of this machine builds.
pub fn details(config: &Config) -> Vec<Vec<String>> {
    let is_here = matches!(
        config.builder.kind,
        BuilderKind::Native | BuilderKind::Platforms(_)
    );
    match is_here && !config.builder.needs_buildx() {
        true => Vec::new(),
        false => ["docker context ls", "docker buildx ls"]
            .map(|words| command(words, []))
            .into(),
    }
}

impl<'a> Buildx<'a> {
    /// Returns the builder of the configuration; `None` where an engine builds by itself.
    ///
    /// The name is the original's. Where it stands for addresses it ends with a digest of them, so that a builder that was made for
    /// other ones is never used by mistake.
    pub fn of(config: &'a Config) -> Option<Self> {
        if !config.builder.needs_buildx() {
            return None;
        }
        let multiarch = format!("mrsk-{}-multiarch", config.service);
        let (name, nodes) = match &config.builder.kind {
            BuilderKind::NativeRemote(node) => {
                let settings = [node.arch.as_str(), &node.host].join("\0");
                let digest = Sha256Hex::of(settings.as_bytes());
                let name = format!(
                    "mrsk-{}-native-remote-{}",
                    config.service,
                    &digest.as_str()[..8]
                );
                (
                    name,
                    vec![(Some(node.arch.as_str()), Some(node.host.as_str()))],
                )
            }
            // What a builder of this machine has built for another platform is no obstacle: the original's name serves all of them.
            BuilderKind::Native | BuilderKind::Platforms(_) | BuilderKind::Multiarch => {
                (multiarch, vec![(None, None)])
            }
            BuilderKind::MultiarchRemote { local, remote } => {
                let host = local.host.as_deref();
                let (arch, address) = (local.arch.as_str(), host.unwrap_or(""));
                let settings = [arch, address, &remote.arch, &remote.host].join("\0");
                let digest = Sha256Hex::of(settings.as_bytes());
                let name = format!("{multiarch}-remote-{}", &digest.as_str()[..8]);
                let remote = (Some(remote.arch.as_str()), Some(remote.host.as_str()));
                (name, vec![(Some(arch), host), remote])
            }
        };
        Some(Self {
            config,
            name,
            nodes,
        })
    }

    /// Returns the commands that make it and start it. On one that is there they change nothing, and on one of the same name with
    /// other nodes they fail.
    pub fn create(&self) -> Vec<Run> {
        let mut runs = self.define();
        runs.push(Run::literal(self.inspect()));
        runs
    }

    /// Returns the commands that remove it. They define it before, which starts nothing and changes nothing on one that is there: docker
    /// fails on one that is not there.
    pub fn remove(&self) -> Vec<Run> {
        let mut runs = self.define();
        runs.push(Run::literal(command("docker buildx rm", [&self.name])));
        runs
    }

    /// Returns the local command that exits with 0 where it is not there.
    pub fn is_gone(&self) -> Vec<String> {
        command("docker buildx ls --format", [&without_builder(&self.name)])
    }

    fn define(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for (number, (arch, host)) in self.nodes.iter().enumerate() {
            let mut argv = command("docker buildx create --name", [&self.name]);
            if number > 0 {
                argv.push("--append".into());
            }
            argv.extend(["--node".into(), format!("{}{number}", self.name)]);
            argv.extend(command("--driver docker-container", []));
            if let Some(arch) = arch {
                argv.extend(["--platform".into(), format!("linux/{arch}")]);
            }
            argv.extend(host.map(String::from));
            runs.push(Run::literal(argv));
        }
        runs
    }

    /// Returns the local command that exits with 0 where it is there and runs; it starts one that does not.
    pub fn inspect(&self) -> Vec<String> {
        command("docker buildx inspect --bootstrap", [&self.name])
    }

    /// Returns the command that builds and pushes. It needs the plain form of the progress, in which the digest stands.
    pub fn build(&self, build: &Build<'_>) -> Run {
        let platforms = self.config.builder.kind.platforms().join(",");
        let platforms = (!platforms.is_empty()).then_some(platforms);
        let mut argv = command("docker buildx build --builder", [&self.name]);
        argv.extend(each("--platform", platforms));
        argv.extend(command("--push --progress plain", []));
        let rest = build_arguments(self.config, build);
        Run {
            env: self.config.builder.secret_variables(),
            own_config: Some(OwnConfig::Temporary),
            ..Run::literal(argv.into_iter().chain(rest))
        }
    }

    /// Returns the local command that exits with 0 where the registry has the version for every platform, built from `source`, and
    /// prints its digest. The template fails on purpose (an index into nothing) where a label differs.
    pub fn check(&self, version: &str, source: &str) -> Vec<String> {
        let platforms = self.config.builder.kind.platforms();
        let labels: String = match platforms.as_slice() {
            // Of an image for one platform, buildx shows the image alone.
            [] | [_] => built_alone(source),
            several => several
                .iter()
                .map(|platform| built_for(platform, source))
                .collect(),
        };
        let template = labels + MANIFEST_DIGEST;
        let reference = reference(self.config, version);
        command(
            "docker buildx imagetools inspect --format",
            [&template, &reference],
        )
    }
}

/// Returns the command that prints the registry digest of `reference`, also of an image for several platforms.
pub fn digest(reference: &str) -> Vec<String> {
    command(
        "docker buildx imagetools inspect --format",
        [PRINTED_DIGEST, reference],
    )
}
