//! `builder`: how the image is built.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record, list, shown, suggestion};
use crate::config::model::{Builder, BuilderKind, LocalNode, RemoteNode};
use crate::config::schema::{self, Property, filled, matching, record, with_default};
use crate::config::secret_lines::looks_secret;
use crate::config::values::{boolean, texts, variable};

pub(super) const KEY: Property = ("builder", schema);

const DEFAULT_DOCKERFILE: &str = "Dockerfile";
const DEFAULT_CONTEXT: &str = ".";

/// Architectures as docker names them.
const ARCHITECTURES: [&str; 11] = [
    "amd64", "arm64", "arm", "arm/v6", "arm/v7", "386", "ppc64le", "s390x", "riscv64", "mips64le",
    "loong64",
];

/// What addresses of engines begin with.
const SCHEMES: [&str; 3] = ["ssh://", "unix://", "tcp://"];

const KEYS: [Property; 7] = [
    ("multiarch", || {
        let multiarch = boolean::schema(
            "Whether to build for amd64 and arm64 with buildx; `false` is for this machine's architecture alone.",
        );
        with_default(multiarch, true)
    }),
    ("local", || {
        record(
            "The machine that builds one architecture, while `remote` builds another.",
            &LOCAL_KEYS,
        )
    }),
    ("remote", || {
        record("The other machine that builds.", &REMOTE_KEYS)
    }),
    ("dockerfile", || {
        with_default(filled("Path of the Dockerfile."), DEFAULT_DOCKERFILE)
    }),
    ("context", || {
        let context = filled("Directory that docker builds, relative to the current one.");
        with_default(context, DEFAULT_CONTEXT)
    }),
    ("args", || {
        texts::map_schema(
            "Arguments of the build (`--build-arg`): they stay in the image's history.",
        )
    }),
    ("secrets", || {
        schema::list(
            "Secrets of the build (`--secret`), by the names of their variables.",
            &variable::exported_schema(),
        )
    }),
];

const LOCAL_KEYS: [Property; 2] = [
    ("arch", arch_schema),
    ("host", || {
        host_schema("Address of its Docker; without it the one that docker uses on this machine.")
    }),
];

const REMOTE_KEYS: [Property; 2] = [
    ("arch", arch_schema),
    ("host", || {
        host_schema("Address of its Docker, such as `ssh://root@192.0.2.1`.")
    }),
];

fn schema() -> Value {
    record("How the image is built.", &KEYS)
}

fn arch_schema() -> Value {
    json!({ "enum": ARCHITECTURES, "description": "Architecture that it builds for." })
}

fn host_schema(description: &str) -> Value {
    matching(description, "^(ssh|unix|tcp)://[^\\s]+$")
}

/// Reads `builder`. Without it images are built for several architectures, as with an empty one.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Builder {
    let builder = root.section(decoder, KEY.0, &KEYS);
    let dockerfile = builder.read(decoder, "dockerfile", path);
    let context = builder.read(decoder, "context", path);
    Builder {
        kind: kind(decoder, &builder),
        dockerfile: dockerfile.unwrap_or_else(|| DEFAULT_DOCKERFILE.to_owned()),
        context: context.unwrap_or_else(|| DEFAULT_CONTEXT.to_owned()),
        args: builder.collect(decoder, "args", args),
        secrets: builder.collect(decoder, "secrets", secrets),
    }
}

/// Reads build arguments, and warns of those that look like secrets.
fn args(decoder: &mut Decoder<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let args = texts::decode_map(decoder, field);
    if args.is_empty() {
        return args;
    }
    for (name, child) in decoder.entries(field) {
        if args
            .get(name)
            .is_some_and(|value| looks_secret(name, value))
        {
            decoder.warn_secret(
                child.key,
                format!("build argument `{name}` looks like a secret"),
                "build arguments stay in the image's history: use `builder.secrets` and `RUN --mount=type=secret`",
            );
        }
    }
    args
}

fn secrets(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let mut names = BTreeSet::new();
    for item in decoder.items(field) {
        if let Some(name) = variable::decode_exported(decoder, &item) {
            decoder.refer(&name, item.key);
            names.insert(name);
        }
    }
    names.into_iter().collect()
}

/// Returns which builder is meant. Keys that contradict each other are errors: none of them is silently ignored.
fn kind(decoder: &mut Decoder<'_>, record: &Record<'_>) -> BuilderKind {
    let multiarch = record
        .get("multiarch")
        .and_then(|field| Some((field, boolean::decode(decoder, field)?)));
    let local = record
        .get("local")
        .map(|field| (field, local(decoder, field)));
    let remote = record
        .get("remote")
        .map(|field| (field, remote(decoder, field)));
    if let Some((field, false)) = multiarch {
        let others = [local.as_ref().map(|x| x.0), remote.as_ref().map(|x| x.0)];
        for other in others.into_iter().flatten() {
            decoder.error(
                other.key,
                format!("`{}` conflicts with `{}: false`", other.path, field.path),
                "`multiarch: false` builds on this machine only: remove one of them",
            );
        }
        return BuilderKind::Native;
    }
    match (local, remote) {
        (None, None) => BuilderKind::Multiarch,
        (Some((field, _)), None) => {
            decoder.error(
                field.key,
                format!("`{}` requires `builder.remote`", field.path),
                "add `remote` with `arch` and `host`; to build only for this machine's architecture, replace `local` by `multiarch: false`",
            );
            BuilderKind::Multiarch
        }
        (None, Some((_, remote))) => {
            if let Some((field, true)) = multiarch {
                decoder.error(
                    field.node.mark,
                    "`builder.multiarch: true` requires `builder.local` beside `builder.remote`",
                    "add `local` with its `arch`, or remove `multiarch` to build on the remote machine only",
                );
            }
            remote.map_or(BuilderKind::Multiarch, BuilderKind::NativeRemote)
        }
        (Some((field, local)), Some((_, remote))) => {
            let (Some(local), Some(remote)) = (local, remote) else {
                return BuilderKind::Multiarch;
            };
            if local.arch == remote.arch {
                decoder.error(
                    field.key,
                    format!(
                        "`builder.local` and `builder.remote` have the same architecture: `{}`",
                        local.arch
                    ),
                    "use different architectures, or remove `local` to build on the remote machine only",
                );
            }
            BuilderKind::MultiarchRemote { local, remote }
        }
    }
}

fn local(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<LocalNode> {
    let (arch, host) = node(decoder, field, &LOCAL_KEYS)?;
    Some(LocalNode { arch, host })
}

fn remote(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<RemoteNode> {
    let (arch, host) = node(decoder, field, &REMOTE_KEYS)?;
    if host.is_none() {
        missing(
            decoder,
            field,
            "host",
            "set the address of its docker engine, such as `host: ssh://root@192.0.2.1`",
        );
    }
    Some(RemoteNode { arch, host: host? })
}

/// Returns architecture and address of a machine that builds; `None` if one of them is wrong.
fn node(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    keys: &[Property],
) -> Option<(String, Option<String>)> {
    let before = decoder.diagnostics.len();
    let record = decoder.record(field, keys);
    let host = record.read(decoder, "host", host);
    let arch = match record.get("arch") {
        Some(field) => arch(decoder, field),
        None => {
            missing(
                decoder,
                field,
                "arch",
                "set the architecture it builds for, such as `arch: amd64`",
            );
            None
        }
    };
    (decoder.diagnostics.len() == before).then_some((arch?, host))
}

fn missing(decoder: &mut Decoder<'_>, field: &Field<'_>, key: &str, help: &str) {
    decoder.error(
        field.key,
        format!("missing key `{}.{key}`", field.path),
        help,
    );
}

fn arch(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    if ARCHITECTURES.contains(&text.as_str()) {
        return Some(text);
    }
    let bare = text.strip_prefix("linux/").unwrap_or(&text);
    let known = match bare {
        "x86_64" | "x86-64" | "x64" => Some("amd64"),
        "aarch64" | "arm64/v8" | "armv8" => Some("arm64"),
        "i386" | "i686" => Some("386"),
        other => ARCHITECTURES.into_iter().find(|known| *known == other),
    };
    let help = match known.or_else(|| suggestion(bare, &ARCHITECTURES)) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known architectures: {}", list(&ARCHITECTURES)),
    };
    decoder.error(
        field.node.mark,
        format!("unknown architecture `{}`", shown(&text)),
        help,
    );
    None
}

/// Returns the address of an engine. docker itself runs `ssh` for `ssh://`.
fn host(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
    let password = rest
        .and_then(|rest| rest.split('/').next()?.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':'));
    let plain = |c: char| c.is_ascii_graphic() && !"\"'\\`$".contains(c);
    let problem = if password {
        Some("must not contain a password")
    } else if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('-'))
        || !text.chars().all(plain)
    {
        Some("must be the address of a docker engine")
    } else {
        None
    };
    let Some(problem) = problem else {
        return Some(text);
    };
    decoder.error(
        field.node.mark,
        format!("`{}` {problem}, not `{}`", field.path, shown(&text)),
        "use `ssh://USER@HOST` (docker runs ssh, with your keys and ~/.ssh/config), `unix:///PATH/docker.sock` or `tcp://HOST:PORT`",
    );
    None
}

fn path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.filled(field)?;
    if path.contains("://") || path.starts_with("git@") || path.starts_with('-') {
        decoder.error(
            field.node.mark,
            format!(
                "`{}` must be a local path, not `{}`",
                field.path,
                shown(&path)
            ),
            "use a path on this machine, relative to the current directory",
        );
        return None;
    }
    Some(path)
}
