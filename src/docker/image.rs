//! Commands about images and registries.

use std::collections::BTreeMap;

use super::names::LABEL_SOURCE;
use super::{cache, local_command};
use crate::action::{Arg, OwnConfig, PushedImage, Run};
use crate::config::model::{BuilderKind, Config, Credentials, Value};
use crate::digest;
use crate::name::StepId;

/// What a build is told beside the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// The version: the tag of the image.
    pub version: &'a str,
    /// Path of the Dockerfile.
    pub dockerfile: &'a str,
    /// Path of the context.
    pub context: &'a str,
    /// The digest of what is built, kept as a label.
    pub source: &'a str,
    /// Which layers it begins with.
    pub layers: Layers,
}

/// Which layers of an earlier build are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layers {
    /// Those that the builder has.
    Cached,
    /// None.
    Fresh,
}

/// Returns `REPOSITORY:TAG`.
pub fn reference(config: &Config, tag: &str) -> String {
    format!("{}:{tag}", config.repository())
}

/// Returns whether `reference` names an image of `repository`.
pub fn is_of(reference: &str, repository: &str) -> bool {
    let rest = reference.strip_prefix(repository);
    rest.is_some_and(|rest| rest.starts_with([':', '@']))
}

/// Returns the command that logs in. The password travels on its standard input.
pub fn login(server: Option<&str>, credentials: &Credentials) -> Run {
    let run = Run::literal(["docker", "login", "--username"]);
    let mut run = run.with_own_config(OwnConfig::Temporary);
    run.argv.push(match &credentials.username {
        Value::Literal(text) => literal(text),
        Value::FromEnv(name) => Arg::FromEnv(name.clone()),
    });
    run.argv.push(literal("--password-stdin"));
    run.argv.extend(server.map(literal));
    run.stdin = Some(credentials.password.clone());
    run
}

/// Returns the arguments of a login: user name, name of the password's secret, server. `None` for another command.
pub fn as_login(run: &Run) -> Option<(&Arg, &str, Option<&str>)> {
    let (command, rest) = run.argv.split_at_checked(3)?;
    let is_login = command == ["docker", "login", "--username"].map(literal);
    let (username, option, server) = match rest {
        [username, option] => (username, option, None),
        [username, option, Arg::Literal(server)] => (username, option, Some(server.as_str())),
        _ => return None,
    };
    let is_complete = is_login && *option == literal("--password-stdin");
    is_complete.then_some((username, run.stdin.as_deref()?, server))
}

/// Returns the local command that exits with 0 where the stored credentials are accepted.
pub fn login_check(config: &Config) -> Vec<String> {
    let mut argv = command("docker login", []);
    argv.extend(config.registry.server.clone());
    argv
}

/// Returns the name under which docker keeps the login at `server`, and looks for its credential helper.
pub fn login_name(server: Option<&str>) -> &str {
    server.unwrap_or("https://index.docker.io/v1/")
}

/// Returns the words that begin a command to the engine that builds: of this machine, or of the one that `builder.remote` names.
fn engine(config: &Config) -> Vec<String> {
    let mut argv = vec!["docker".to_owned()];
    if let BuilderKind::NativeRemote(node) = &config.builder.kind {
        argv.extend(["--host".into(), node.host.clone()]);
    }
    argv
}

/// Returns the build by an engine. `source` is the digest of what is built, kept as a label so that a later run can recognise it.
///
/// Secrets and other platforms need BuildKit, which older clients use only where they are told to.
pub fn build(config: &Config, build: &Build<'_>) -> Run {
    let builder = &config.builder;
    let platforms = builder.kind.platforms();
    let is_plain =
        builder.secret_variables().is_empty() && !builder.ssh && builder.provenance.is_none();
    let mut argv = Vec::new();
    if !platforms.is_empty() || !is_plain || builder.sbom.is_some() {
        argv.extend(command("env DOCKER_BUILDKIT=1", []));
    }
    argv.extend(engine(config));
    argv.push("build".into());
    if !platforms.is_empty() {
        argv.extend(["--platform".into(), platforms.join(",")]);
    }
    argv.extend(build_arguments(config, build));
    Run {
        env: config.builder.secret_variables(),
        own_config: Some(OwnConfig::Temporary),
        ..Run::literal(argv)
    }
}

/// Returns what every kind of build is told: tags, labels, build arguments, secrets, stage, Dockerfile and context.
pub(super) fn build_arguments(config: &Config, build: &Build<'_>) -> Vec<String> {
    let builder = &config.builder;
    let mut argv = Vec::new();
    if build.layers == Layers::Fresh {
        argv.push("--no-cache".into());
    }
    argv.extend(each(
        "--tag",
        [build.version, "latest"].map(|tag| reference(config, tag)),
    ));
    let labels = [
        ("service", config.service.as_str()),
        (LABEL_SOURCE, build.source),
    ];
    argv.extend(each(
        "--label",
        labels.map(|(name, value)| format!("{name}={value}")),
    ));
    argv.extend(pairs("--build-arg", &builder.args));
    let secret_args = builder.secret_args.iter();
    let secret_args = secret_args.map(|variable| variable.name.clone());
    argv.extend(each("--build-arg", secret_args));
    let secrets = builder
        .secrets
        .iter()
        .map(|variable| format!("id={0},env={0}", variable.name));
    argv.extend(each("--secret", secrets));
    argv.extend(each("--ssh", builder.ssh.then(|| "default".to_owned())));
    argv.extend(each("--provenance", builder.provenance.clone()));
    argv.extend(each("--sbom", builder.sbom.clone()));
    argv.extend(each("--target", builder.target.clone()));
    argv.extend(cache::arguments(config));
    argv.extend(["--file".into(), path(build.dockerfile), path(build.context)]);
    argv
}

/// Returns a path that docker takes for no option, nor for its standard input.
fn path(text: &str) -> String {
    match text.starts_with('-') {
        true => format!("./{text}"),
        false => text.to_owned(),
    }
}

/// Returns the local command that exits with 0 where the image of `version` was built from `source`.
pub fn build_check(config: &Config, version: &str, source: &str) -> Vec<String> {
    inspect(config, version, local_command::built(source))
}

fn inspect(config: &Config, version: &str, template: String) -> Vec<String> {
    let mut argv = engine(config);
    argv.extend(command("image inspect --format", []));
    argv.extend([template, reference(config, version)]);
    argv
}

/// Returns the commands that push the version and `latest`.
pub fn push(config: &Config, version: &str) -> Vec<Run> {
    [version, "latest"]
        .map(|tag| {
            let push = ["push".into(), reference(config, tag)];
            Run::literal(engine(config).into_iter().chain(push))
                .with_own_config(OwnConfig::Temporary)
        })
        .into()
}

/// Returns the local command that exits with 0 where the image was pushed by the engine that built it, and prints its registry digests.
pub fn push_check(config: &Config, version: &str, source: &str) -> Vec<String> {
    inspect(config, version, local_command::pushed(source))
}

/// Returns the command that pulls whatever `reference` names in its registry.
pub fn pull_reference(reference: &str) -> Run {
    Run::literal(["docker", "pull", reference])
}

/// Returns the command that removes images by their references.
pub fn remove(references: &[String]) -> Run {
    let references = references.iter().map(String::as_str);
    Run::literal(["docker", "image", "rm"].into_iter().chain(references))
}

/// What tells which image is pulled, beside its tag.
#[derive(Debug, Clone, Copy)]
pub enum Pin<'a> {
    /// Nothing: whatever has the tag then.
    Tag,
    /// Its digest.
    Digest(&'a str),
    /// The digest that this step pushes.
    PushedBy(&'a StepId),
}

/// Returns the commands after which `tag` of `repository` names the image on the host: by digest where there is one, so that
/// nothing but that image can come.
pub fn pull(repository: &str, tag: &str, pin: Pin<'_>) -> Vec<Run> {
    let reference = format!("{repository}:{tag}");
    let exact = match pin {
        Pin::Tag => return vec![pull_reference(&reference)],
        Pin::Digest(digest) => literal(format!("{repository}@{digest}")),
        Pin::PushedBy(step) => Arg::Pushed(PushedImage {
            pushed_by: step.clone(),
            reference: reference.clone(),
        }),
    };
    let mut pull = Run::literal(["docker", "pull"]);
    pull.argv.push(exact.clone());
    let mut name = Run::literal(["docker", "tag"]);
    name.argv.extend([exact, literal(reference)]);
    vec![pull, name]
}

/// Returns `FLAG VALUE` for each value.
pub(super) fn each(flag: &str, values: impl IntoIterator<Item = String>) -> Vec<String> {
    let values = values.into_iter();
    values.flat_map(|value| [flag.to_owned(), value]).collect()
}

/// Returns `FLAG NAME=VALUE` for each pair.
pub(super) fn pairs(flag: &str, values: &BTreeMap<String, String>) -> Vec<String> {
    let pairs = values.iter().map(|(name, value)| format!("{name}={value}"));
    each(flag, pairs)
}

/// Returns a command of words, and the arguments after them.
pub(super) fn command<const N: usize>(words: &str, arguments: [&str; N]) -> Vec<String> {
    words
        .split(' ')
        .chain(arguments)
        .map(String::from)
        .collect()
}

fn literal(text: impl Into<String>) -> Arg {
    Arg::Literal(text.into())
}

/// Returns the command that asks the registry for the manifest of `reference`, over TLS whose certificate is checked.
pub fn manifest(reference: &str) -> Vec<String> {
    command("docker manifest inspect --verbose", [reference])
}

/// Returns whether the failure of [`manifest`] says that the registry does not have the image.
pub fn is_unknown(output: &str) -> bool {
    let output = output.to_lowercase();
    ["no such manifest", "manifest unknown", "not found"]
        .iter()
        .any(|words| output.contains(words))
}

/// Returns the same for a registry that is not to be checked, such as one over plain HTTP.
pub fn insecure_manifest(reference: &str) -> Vec<String> {
    command("docker manifest inspect --insecure --verbose", [reference])
}

/// Returns the command that prints which registries the engine does not check.
pub fn insecure_registries() -> Vec<String> {
    command(
        "docker info --format",
        ["{{json .RegistryConfig.IndexConfigs}}"],
    )
}

/// Returns whether the answer to [`insecure_registries`] names `server`.
pub fn is_insecure(text: &str, server: &str) -> bool {
    let answer: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let secure = answer.get(server).and_then(|entry| entry.get("Secure"));
    secure == Some(&serde_json::Value::Bool(false))
}

/// Reads the registry digest from the answer to [`manifest`]. An image of several platforms is an array there, whose own
/// digest is not in it.
pub fn digest_of_manifest(text: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(text).ok()?;
    let digest = answer.pointer("/Descriptor/digest")?.as_str()?;
    digest::digits(digest).map(digest::prefixed)
}

/// Reads the bytes of the layers from the answer to [`manifest`]: of the largest, if there is one for each of several platforms.
pub fn bytes_of_manifest(text: &str) -> Option<u64> {
    let answer: serde_json::Value = serde_json::from_str(text).ok()?;
    let images = match &answer {
        serde_json::Value::Array(images) => images.as_slice(),
        image => std::slice::from_ref(image),
    };
    images.iter().filter_map(bytes_of_layers).max()
}

fn bytes_of_layers(image: &serde_json::Value) -> Option<u64> {
    let manifests = ["SchemaV2Manifest", "OCIManifest"];
    let mut manifests = manifests.iter().filter_map(|name| image.get(name));
    let layers = manifests.find_map(|manifest| manifest.get("layers")?.as_array())?;
    let sizes = layers.iter().map(|layer| layer.get("size")?.as_u64());
    sizes
        .collect::<Option<Vec<u64>>>()?
        .into_iter()
        .try_fold(0_u64, u64::checked_add)
}
