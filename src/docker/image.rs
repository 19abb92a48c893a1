//! Commands about images and registries.

use std::collections::BTreeMap;

use super::names::LABEL_SOURCE;
use crate::action::{Arg, Run};
use crate::config::model::{Config, Value};

/// Returns `REPOSITORY:TAG`.
pub fn reference(config: &Config, tag: &str) -> String {
    format!("{}:{tag}", config.repository())
}

/// Returns the command that logs in, or `None` where the registry needs no login. The password travels on its standard input.
pub fn login(config: &Config) -> Option<Run> {
    let registry = &config.registry;
    let (username, password) = (registry.username.as_ref()?, registry.password.as_ref()?);
    let mut argv: Vec<Arg> = ["docker", "login"].map(literal).into();
    argv.push(literal("--username"));
    argv.push(match username {
        Value::Literal(text) => literal(text),
        Value::FromEnv(name) => Arg::FromEnv(name.clone()),
    });
    argv.push(literal("--password-stdin"));
    argv.extend(registry.server.as_deref().map(literal));
    Some(Run {
        argv,
        env: Vec::new(),
        stdin: Some(password.clone()),
    })
}

/// Returns the local command that exits with 0 where the stored credentials are accepted.
pub fn login_check(config: &Config) -> Vec<String> {
    let mut argv = vec!["docker".to_owned(), "login".to_owned()];
    argv.extend(config.registry.server.clone());
    argv
}

/// Returns the name under which docker keeps the login: the registry's server, or Docker Hub's address.
pub fn login_name(config: &Config) -> String {
    config
        .registry
        .server
        .clone()
        .unwrap_or_else(|| "https://index.docker.io/v1/".to_owned())
}

/// Returns the native build. `source` is the digest of what is built, kept as a label so that a later run can recognise it.
pub fn build(config: &Config, version: &str, dockerfile: &str, context: &str, source: &str) -> Run {
    let builder = &config.builder;
    let mut argv: Vec<String> = ["docker", "build"].map(String::from).into();
    for tag in [version, "latest"] {
        argv.extend(["--tag".into(), reference(config, tag)]);
    }
    for (name, value) in [("service", config.service.as_str()), (LABEL_SOURCE, source)] {
        argv.extend(["--label".into(), format!("{name}={value}")]);
    }
    argv.extend(pairs("--build-arg", &builder.args));
    for name in &builder.secrets {
        argv.extend(["--secret".into(), format!("id={name},env={name}")]);
    }
    argv.extend(["--file".into(), path(dockerfile), path(context)]);
    Run {
        env: builder.secrets.clone(),
        ..Run::literal(argv)
    }
}

/// Returns a path that docker takes for no option, nor for its standard input.
fn path(text: &str) -> String {
    if text.starts_with('-') {
        format!("./{text}")
    } else {
        text.to_owned()
    }
}

/// Returns the local command that exits with 0 where the image of `version` was built from `source`.
///
/// docker has no command that compares: the template fails on purpose (an index into nothing) where the label differs.
pub fn build_check(config: &Config, version: &str, source: &str) -> Vec<String> {
    let template = format!(
        "{{{{if ne (index .Config.Labels {LABEL_SOURCE:?}) {source:?}}}}}{{{{index \"\" 1}}}}{{{{end}}}}"
    );
    ["docker", "image", "inspect", "--format"]
        .map(String::from)
        .into_iter()
        .chain([template, reference(config, version)])
        .collect()
}

/// Returns the commands that push the version and `latest`.
pub fn push(config: &Config, version: &str) -> Vec<Run> {
    [version, "latest"]
        .map(|tag| Run::literal(["docker".into(), "push".into(), reference(config, tag)]))
        .into()
}

/// Returns the local command that exits with 0 where the image was pushed from this machine, and prints its registry digests.
pub fn push_check(config: &Config, version: &str, source: &str) -> Vec<String> {
    let template = format!(
        "{{{{if or (not .RepoDigests) (ne (index .Config.Labels {LABEL_SOURCE:?}) {source:?})}}}}{{{{index \"\" 1}}}}{{{{end}}}}{{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}}"
    );
    ["docker", "image", "inspect", "--format"]
        .map(String::from)
        .into_iter()
        .chain([template, reference(config, version)])
        .collect()
}

/// Returns the commands after which `reference` names the image on the host: by digest where it is known, so that nothing
/// but that image can come.
pub fn pull(repository: &str, reference: &str, digest: Option<&str>) -> Vec<Run> {
    match digest {
        None => vec![Run::literal(["docker", "pull", reference])],
        Some(digest) => {
            let exact = format!("{repository}@{digest}");
            vec![
                Run::literal(["docker", "pull", &exact]),
                Run::literal(["docker", "tag", &exact, reference]),
            ]
        }
    }
}

/// Returns `FLAG NAME=VALUE` for each pair.
pub(super) fn pairs(flag: &str, values: &BTreeMap<String, String>) -> Vec<String> {
    values
        .iter()
        .flat_map(|(name, value)| [flag.to_owned(), format!("{name}={value}")])
        .collect()
}

fn literal(text: impl Into<String>) -> Arg {
    Arg::Literal(text.into())
}

/// Returns the command that asks the registry for the manifest of `reference`.
pub fn manifest(reference: &str) -> Vec<String> {
    [
        "docker",
        "manifest",
        "inspect",
        "--insecure",
        "--verbose",
        reference,
    ]
    .map(String::from)
    .into()
}

/// Reads the registry digest from the answer to [`manifest`]. An image of several platforms is an array there, whose own
/// digest is not in it.
pub fn digest_of_manifest(text: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(text).ok()?;
    let digest = answer.pointer("/Descriptor/digest")?.as_str()?;
    digest.starts_with("sha256:").then(|| digest.to_owned())
}
