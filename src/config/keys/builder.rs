//! `builder`: how the image is built.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{build_cache, builder_machines};
use crate::config::decoder::{Decoder, Field, Record, choice, shown};
use crate::config::model::{Builder, Driver};
use crate::config::node::Kind;
use crate::config::schema::{self, Property, filled, matching, record, with_default};
use crate::config::secret_lines::looks_secret;
use crate::config::values::{boolean, texts, variable};
use crate::name::SecretVariable;

pub(super) const KEY: Property = ("builder", schema);

const DEFAULT_DOCKERFILE: &str = "Dockerfile";
const DEFAULT_CONTEXT: &str = ".";

/// What the original hands to docker for the SSH agent; all of them mean `default`.
const SSH_FORMS: [&str; 3] = [
    "default",
    "default=$SSH_AUTH_SOCK",
    "default=${SSH_AUTH_SOCK}",
];

const DRIVERS: [&str; 2] = ["docker", "docker-container"];

const KEYS: [Property; 14] = [
    ("multiarch", || {
        let multiarch = boolean::schema(
            "Whether to build for amd64 and arm64 with buildx; `false`: only for this machine's architecture.",
        );
        with_default(multiarch, true)
    }),
    ("local", builder_machines::local_schema),
    ("remote", builder_machines::remote_schema),
    ("arch", builder_machines::archs_schema),
    ("cache", build_cache::schema),
    ("ssh", || {
        let what = "`default`: the build may use the keys of this machine's SSH agent.";
        json!({ "enum": SSH_FORMS, "description": what })
    }),
    (
        "driver",
        || json!({ "enum": DRIVERS, "description": "What builds: the engine, or a builder in a container." }),
    ),
    ("provenance", || {
        attestation_schema("What `--provenance` says: `true`, `false`, `mode=min` or `mode=max`.")
    }),
    ("sbom", || {
        attestation_schema("What `--sbom` says: `true`, `false` or `generator=IMAGE`.")
    }),
    ("dockerfile", || {
        with_default(filled("Path of the Dockerfile."), DEFAULT_DOCKERFILE)
    }),
    ("context", || {
        let context = filled("Directory that docker builds, relative to the current one.");
        with_default(context, DEFAULT_CONTEXT)
    }),
    ("args", || {
        let mut args = texts::map_schema(
            "Arguments of the build (`--build-arg`): they stay in the image's history.",
        );
        let value = args["additionalProperties"].take();
        let secret = schema::list(
            "Names of variables with their values.",
            &variable::exported_schema(),
        );
        let clear = texts::map_schema("The same as beside it.");
        args["additionalProperties"] = value.clone();
        args["properties"] = json!({
            "secret": { "anyOf": [value, secret], "description": "Arguments whose values are secrets." },
            "clear": { "anyOf": [value, clear], "description": "Arguments with their values." },
        });
        args
    }),
    ("secrets", || {
        schema::list(
            "Secrets of the build (`--secret`), by the names of their variables.",
            &variable::exported_schema(),
        )
    }),
    ("target", || {
        matching(
            "Stage of the Dockerfile that becomes the image; without it the last one.",
            "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        )
    }),
];

fn schema() -> Value {
    record("How the image is built.", &KEYS)
}

/// Reads `builder`. Without it images are built for several architectures, as with an empty one.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Builder {
    let record = root.section(decoder, KEY.0, &KEYS);
    let (args, secret_args) = record.collect(decoder, "args", args);
    let builder = Builder {
        dockerfile: record.read_or(decoder, "dockerfile", path, DEFAULT_DOCKERFILE),
        context: record.read_or(decoder, "context", path, DEFAULT_CONTEXT),
        kind: builder_machines::kind(decoder, &record),
        args,
        secret_args,
        secrets: record.collect(decoder, "secrets", secrets),
        target: record.read(decoder, "target", target),
        cache: record.read(decoder, "cache", build_cache::decode),
        ssh: record.read(decoder, "ssh", ssh).is_some(),
        driver: record.read(decoder, "driver", driver),
        provenance: record.read(decoder, "provenance", attestation),
        sbom: record.read(decoder, "sbom", attestation),
    };
    check_driver(decoder, &record, &builder);
    check_conflicts(decoder, &record, &builder);
    builder
}

/// Reports an engine that is to build by itself what only a builder can.
fn check_driver(decoder: &mut Decoder<'_>, record: &Record<'_>, builder: &Builder) {
    let Some(field) = record.get("driver") else {
        return;
    };
    if builder.driver != Some(Driver::Docker) || !builder.needs_buildx() {
        return;
    }
    let message =
        "`builder.driver: docker` builds for one architecture, without a cache or attestations";
    let help = "remove `driver`, or `cache`, `provenance` and `sbom`, and name one `arch`";
    decoder.error(field.node.mark, message, help);
}

/// Reads the SSH agent. A file of a key would be read by whoever applies the plan.
fn ssh(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    if SSH_FORMS.contains(&text.as_str()) {
        return Some(text);
    }
    let help =
        "use `default`, the agent of the machine that builds: add the key to it with `ssh-add`";
    decoder.invalid(field.node.mark, "SSH agent", &text, help)
}

fn driver(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Driver> {
    match decoder.filled(field)?.as_str() {
        "docker" => Some(Driver::Docker),
        "docker-container" => Some(Driver::DockerContainer),
        other => {
            let message = format!("unknown driver `{}`", shown(other));
            decoder.error(field.node.mark, message, choice(other, "drivers", &DRIVERS));
            None
        }
    }
}

fn attestation_schema(description: &str) -> Value {
    let kinds = json!({ "anyOf": [
        { "type": "boolean" },
        { "type": "string", "pattern": "^(true|false|mode=(min|max)|generator=[A-Za-z0-9][A-Za-z0-9./:_@-]*)$" },
    ] });
    schema::described(description, kinds)
}

fn attestation(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./:_@-".contains(c);
    let is_generator = |image: &str| {
        image.starts_with(|c: char| c.is_ascii_alphanumeric()) && image.chars().all(allowed)
    };
    let known = ["true", "false", "mode=min", "mode=max"].contains(&text.as_str());
    if !known && !text.strip_prefix("generator=").is_some_and(is_generator) {
        let help = "use `true`, `false`, `mode=min`, `mode=max` or `generator=IMAGE`";
        return decoder.invalid(field.node.mark, "attestation", &text, help);
    }
    Some(text)
}

/// Reads build arguments, and warns of those that look like secrets, or are. Returns those with a value, and the names of secrets:
/// `secret` with a list, and `clear` with a map, are no arguments.
fn args(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
) -> (BTreeMap<String, String>, Vec<SecretVariable>) {
    let mut clear = BTreeMap::new();
    let mut secret = Vec::new();
    let mut plain = Vec::new();
    for (name, child) in decoder.entries(field) {
        match (name, &child.node.kind) {
            ("secret", Kind::Sequence(_)) => {
                secret = secrets(decoder, &child);
                let message = "secret build arguments stay in the image's history";
                let help = "use `builder.secrets` and `RUN --mount=type=secret` if the Dockerfile can be changed";
                decoder.warn(child.key, message, help);
            }
            ("clear", Kind::Mapping(_)) => clear.extend(clear_args(decoder, &child)),
            _ => plain.push((name, child)),
        }
    }
    for (name, value, child) in texts::decode_entries(decoder, plain) {
        warn_of_secret(decoder, &name, &value, &child);
        clear.insert(name, value);
    }
    let names = secret.iter().map(|variable| &variable.name);
    for name in names.filter(|name| clear.contains_key(*name)) {
        let message = format!("build argument `{name}` is both clear and secret");
        decoder.error(field.key, message, "keep one of them");
    }
    (clear, secret)
}

fn clear_args(decoder: &mut Decoder<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let entries = decoder.entries(field);
    let mut args = BTreeMap::new();
    for (name, value, child) in texts::decode_entries(decoder, entries) {
        warn_of_secret(decoder, &name, &value, &child);
        args.insert(name, value);
    }
    args
}

fn warn_of_secret(decoder: &mut Decoder<'_>, name: &str, value: &str, field: &Field<'_>) {
    if looks_secret(name, value) {
        let message = format!("build argument `{name}` looks like a secret");
        let help = "build arguments stay in the image's history: use `builder.secrets` and `RUN --mount=type=secret`";
        decoder.warn_secret(field.key, message, help);
    }
}

/// Reads the name or the number of a stage.
fn target(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let target = decoder.filled(field)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !target.starts_with(|c: char| c.is_ascii_alphanumeric()) || !target.chars().all(allowed) {
        let help = "use the name after `AS` in the Dockerfile, such as `production`";
        return decoder.invalid(field.node.mark, "stage of a Dockerfile", &target, help);
    }
    Some(target)
}

fn secrets(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<SecretVariable> {
    let mut variables: Vec<SecretVariable> = Vec::new();
    for item in decoder.items(field) {
        let Some(variable) = variable::decode_exported(decoder, &item) else {
            continue;
        };
        decoder.refer(&variable.secret, item.key);
        match variables.iter().find(|other| other.name == variable.name) {
            Some(other) if *other != variable => two_values(decoder, &item, &variable.name),
            Some(_) => {
                let message = format!("duplicate secret `{variable}`");
                decoder.warn(item.key, message, "remove one of them");
            }
            None => variables.push(variable),
        }
    }
    variables.sort();
    variables
}

fn two_values(decoder: &mut Decoder<'_>, field: &Field<'_>, name: &str) {
    let message = format!("secret variable `{name}` has two values");
    decoder.error(field.key, message, "keep one of them");
}

/// Reports a secret that the build may mount and that has the name of a build argument with another value.
fn check_conflicts(decoder: &mut Decoder<'_>, record: &Record<'_>, builder: &Builder) {
    let conflict = builder.secrets.iter().find(|variable| {
        let mut others = builder.secret_args.iter();
        others.any(|other| other.name == variable.name && other != *variable)
    });
    if let (Some(variable), Some(field)) = (conflict, record.get("secrets")) {
        two_values(decoder, field, &variable.name);
    }
}

fn path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.filled(field)?;
    if path.contains("://") || path.starts_with("git@") || path.starts_with('-') {
        let help = "use a path on this machine, relative to the current directory";
        return decoder.unlike(field, "a local path", &path, help);
    }
    Some(path)
}
