//! Commands about images and registries.

use std::collections::BTreeMap;

use super::names::LABEL_SOURCE;
use crate::action::{Arg, Run};
use crate::config::model::{BuilderKind, Config, Value};
use crate::digest;

/// Returns `REPOSITORY:TAG`.
pub fn reference(config: &Config, tag: &str) -> String {
    format!("{}:{tag}", config.repository())
}

/// Returns the command that logs in, or `None` if the registry needs no login. The password travels on
/// its standard input.
pub fn login(config: &Config) -> Option<Run> {
    let registry = &config.registry;
    let (username, password) = (registry.username.as_ref()?, registry.password.as_ref()?);
    let mut run = Run::literal(["docker", "login", "--username"]);
    run.argv.push(match username {
        Value::Literal(text) => literal(text),
        Value::FromEnv(name) => Arg::FromEnv(name.clone()),
    });
    run.argv.push(literal("--password-stdin"));
    run.argv.extend(registry.server.as_deref().map(literal));
    run.stdin = Some(password.clone());
    Some(run)
}

/// Returns the local command that exits with 0 where the stored credentials are accepted.
pub fn login_check(config: &Config) -> Vec<String> {
    let mut argv = command("docker login", []);
    argv.extend(config.registry.server.clone());
    argv
}

/// Returns the name under which docker keeps the login: the registry's server, or Docker Hub's address.
pub fn login_name(config: &Config) -> String {
    let server = config.registry.server.as_deref();
    server.unwrap_or("https://index.docker.io/v1/").to_owned()
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
pub fn build(config: &Config, version: &str, dockerfile: &str, context: &str, source: &str) -> Run {
    let platforms = config.builder.kind.platforms();
    let mut argv = Vec::new();
    if !platforms.is_empty() || !config.builder.secrets.is_empty() {
        argv.extend(command("env DOCKER_BUILDKIT=1", []));
    }
    argv.extend(engine(config));
    argv.push("build".into());
    if !platforms.is_empty() {
        argv.extend(["--platform".into(), platforms.join(",")]);
    }
    let arguments = build_arguments(config, version, dockerfile, context, source);
    argv.extend(arguments);
    Run {
        env: config.builder.secrets.clone(),
        ..Run::literal(argv)
    }
}

/// Returns what every kind of build is told: tags, labels, build arguments, secrets, Dockerfile and context.
pub(super) fn build_arguments(
    config: &Config,
    version: &str,
    dockerfile: &str,
    context: &str,
    source: &str,
) -> Vec<String> {
    let builder = &config.builder;
    let mut argv = Vec::new();
    argv.extend(each(
        "--tag",
        [version, "latest"].map(|tag| reference(config, tag)),
    ));
    let labels = [("service", config.service.as_str()), (LABEL_SOURCE, source)];
    argv.extend(each(
        "--label",
        labels.map(|(name, value)| format!("{name}={value}")),
    ));
    argv.extend(pairs("--build-arg", &builder.args));
    let secrets = builder
        .secrets
        .iter()
        .map(|name| format!("id={name},env={name}"));
    argv.extend(each("--secret", secrets));
    argv.extend(["--file".into(), path(dockerfile), path(context)]);
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
///
/// docker has no command that compares: the template fails on purpose (an index into nothing) where the label differs.
pub fn build_check(config: &Config, version: &str, source: &str) -> Vec<String> {
    let template = format!(
        "{{{{if ne (index .Config.Labels {LABEL_SOURCE:?}) {source:?}}}}}{{{{index \"\" 1}}}}{{{{end}}}}"
    );
    inspect(config, version, template)
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
        })
        .into()
}

/// Returns the local command that exits with 0 where the image was pushed by the engine that built it, and prints its registry digests.
pub fn push_check(config: &Config, version: &str, source: &str) -> Vec<String> {
    let template = format!(
        "{{{{if or (not .RepoDigests) (ne (index .Config.Labels {LABEL_SOURCE:?}) {source:?})}}}}{{{{index \"\" 1}}}}{{{{end}}}}{{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}}"
    );
    inspect(config, version, template)
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

/// Returns the commands after which `reference` names the image on the host: by digest where it is known, so that nothing
/// but that image can come.
pub fn pull(repository: &str, reference: &str, digest: Option<&str>) -> Vec<Run> {
    match digest {
        None => vec![pull_reference(reference)],
        Some(digest) => {
            let exact = format!("{repository}@{digest}");
            vec![
                pull_reference(&exact),
                Run::literal(["docker", "tag", &exact, reference]),
            ]
        }
    }
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

/// Returns the command that asks the registry for the manifest of `reference`.
pub fn manifest(reference: &str) -> Vec<String> {
    command("docker manifest inspect --insecure --verbose", [reference])
}

/// Returns the command that asks the registry for the manifest of `reference`, once it was pushed: over TLS only.
pub fn pushed_manifest(reference: &str) -> Vec<String> {
    command("docker manifest inspect --verbose", [reference])
}

/// Reads the registry digest from the answer to [`manifest`]. An image of several platforms is an array there, whose own
/// digest is not in it.
pub fn digest_of_manifest(text: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(text).ok()?;
    let digest = answer.pointer("/Descriptor/digest")?.as_str()?;
    digest::digits(digest).map(digest::prefixed)
}
