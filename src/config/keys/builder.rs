//! `builder`: how the image is built.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record, choice, shown};
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

const KEYS: [Property; 8] = [
    ("multiarch", || {
        let multiarch = boolean::schema(
            "Whether to build for amd64 and arm64 with buildx; `false`: only for this machine's architecture.",
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
        record(
            "A second machine that builds, through its Docker.",
            &REMOTE_KEYS,
        )
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
    ("target", || {
        matching(
            "Stage of the Dockerfile that becomes the image; without it the last one.",
            "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
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
    Builder {
        dockerfile: builder.read_or(decoder, "dockerfile", path, DEFAULT_DOCKERFILE),
        context: builder.read_or(decoder, "context", path, DEFAULT_CONTEXT),
        kind: kind(decoder, &builder),
        args: builder.collect(decoder, "args", args),
        secrets: builder.collect(decoder, "secrets", secrets),
        target: builder.read(decoder, "target", target),
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
            let message = format!("build argument `{name}` looks like a secret");
            let help = "build arguments stay in the image's history: use `builder.secrets` and `RUN --mount=type=secret`";
            decoder.warn_secret(child.key, message, help);
        }
    }
    args
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

fn secrets(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let mut names = BTreeSet::new();
    for item in decoder.items(field) {
        if let Some(name) = variable::decode_exported(decoder, &item) {
            decoder.refer(&name, item.key);
            if !names.insert(name.clone()) {
                let message = format!("duplicate secret `{name}`");
                decoder.warn(item.key, message, "remove one of them");
            }
        }
    }
    names.into_iter().collect()
}

/// Returns which builder is meant. Keys that contradict each other are errors: none of them is silently ignored.
fn kind(decoder: &mut Decoder<'_>, record: &Record<'_>) -> BuilderKind {
    let multiarch = record.read(decoder, "multiarch", |decoder, field| {
        Some((field.clone(), boolean::decode(decoder, field)?))
    });
    let local = record
        .get("local")
        .map(|field| (field, local(decoder, field)));
    let remote = record
        .get("remote")
        .map(|field| (field, remote(decoder, field)));
    if let Some((field, false)) = multiarch {
        let others = [local.as_ref().map(|x| x.0), remote.as_ref().map(|x| x.0)];
        for other in others.into_iter().flatten() {
            let message = format!("`{}` conflicts with `{}: false`", other.path, field.path);
            let help = "`multiarch: false` builds on this machine only: remove one of them";
            decoder.error(other.key, message, help);
        }
        return BuilderKind::Native;
    }
    match (local, remote) {
        (None, None) => BuilderKind::Multiarch,
        (Some((field, _)), None) => {
            let message = format!("`{}` requires `builder.remote`", field.path);
            let help = "add `remote` with `arch` and `host`; to build only for this machine's \
                        architecture, replace `local` by `multiarch: false`";
            decoder.error(field.key, message, help);
            BuilderKind::Multiarch
        }
        (None, Some((_, remote))) => {
            if let Some((field, true)) = multiarch {
                let message =
                    "`builder.multiarch: true` requires `builder.local` beside `builder.remote`";
                let help = "add `local` with its `arch`, or remove `multiarch` to build on the remote machine only";
                decoder.error(field.node.mark, message, help);
            }
            remote.map_or(BuilderKind::Multiarch, BuilderKind::NativeRemote)
        }
        (Some((field, local)), Some((_, remote))) => {
            let (Some(local), Some(remote)) = (local, remote) else {
                return BuilderKind::Multiarch;
            };
            if local.arch == remote.arch {
                let same = "`builder.local` and `builder.remote` have the same architecture";
                let message = format!("{same}: `{}`", local.arch);
                let help = "use different architectures, or remove `local` to build on the remote machine only";
                decoder.error(field.key, message, help);
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
        let help = "set the address of its docker engine, such as `host: ssh://root@192.0.2.1`";
        decoder.missing(field, "host", help);
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
            let help = "set the architecture it builds for, such as `arch: amd64`";
            decoder.missing(field, "arch", help);
            None
        }
    };
    (decoder.diagnostics.len() == before).then_some((arch?, host))
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
    let help = match known {
        Some(known) => format!("did you mean `{known}`?"),
        None => choice(bare, "architectures", &ARCHITECTURES),
    };
    let message = format!("unknown architecture `{}`", shown(&text));
    decoder.error(field.node.mark, message, help);
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
    let named = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('-'));
    let problem = if password {
        "must not contain a password"
    } else if named && text.chars().all(plain) {
        return Some(text);
    } else {
        "must be the address of a docker engine"
    };
    let message = format!("`{}` {problem}: `{}`", field.path, shown(&text));
    let help = "use `ssh://USER@HOST` (docker runs ssh, with your keys and ~/.ssh/config), \
                `unix:///PATH/docker.sock` or `tcp://HOST:PORT`";
    decoder.error(field.node.mark, message, help);
    None
}

fn path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.filled(field)?;
    if path.contains("://") || path.starts_with("git@") || path.starts_with('-') {
        let help = "use a path on this machine, relative to the current directory";
        return decoder.unlike(field, "a local path", &path, help);
    }
    Some(path)
}
