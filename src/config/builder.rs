//! `builder`: how the image is built.

use std::collections::BTreeMap;

use super::decode::{Decoder, Field, Record, list, shown, suggestion};
use super::model::{Builder, BuilderKind, LocalNode, RemoteNode};
use super::{env, options};

/// Architectures as docker names them.
pub(super) const ARCHITECTURES: [&str; 11] = [
    "amd64", "arm64", "arm", "arm/v6", "arm/v7", "386", "ppc64le", "s390x", "riscv64", "mips64le",
    "loong64",
];

/// What addresses of engines begin with.
const SCHEMES: [&str; 3] = ["ssh://", "unix://", "tcp://"];

/// Reads `builder`. Without it images are built for several architectures, as with an empty one.
pub(super) fn decode(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Builder {
    let mut builder = Builder {
        kind: BuilderKind::Multiarch,
        dockerfile: "Dockerfile".to_owned(),
        context: ".".to_owned(),
        args: BTreeMap::new(),
        secrets: Vec::new(),
    };
    let Some(field) = field else {
        return builder;
    };
    let keys = [
        "multiarch",
        "dockerfile",
        "context",
        "args",
        "secrets",
        "local",
        "remote",
    ];
    let record = decoder.record(field, &keys);
    builder.kind = kind(decoder, &record);
    if let Some(path) = record
        .get("dockerfile")
        .and_then(|field| path(decoder, field))
    {
        builder.dockerfile = path;
    }
    if let Some(path) = record.get("context").and_then(|field| path(decoder, field)) {
        builder.context = path;
    }
    if let Some(args) = record.get("args") {
        builder.args = options::texts(decoder, args);
        warn_credentials(decoder, args, &builder.args);
    }
    if let Some(secrets) = record.get("secrets") {
        for item in decoder.items(secrets) {
            if let Some(name) = env::exported_name(decoder, &item) {
                decoder.refer(&name, item.key);
                builder.secrets.push(name);
            }
        }
    }
    builder.secrets.sort();
    builder.secrets.dedup();
    builder
}

/// Returns which builder is meant. Keys that contradict each other are errors: none of them is silently ignored.
fn kind(decoder: &mut Decoder<'_>, record: &Record<'_>) -> BuilderKind {
    let multiarch = record
        .get("multiarch")
        .and_then(|field| Some((field, decoder.boolean(field)?)));
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
    let (arch, host) = node(decoder, field)?;
    Some(LocalNode { arch, host })
}

fn remote(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<RemoteNode> {
    let (arch, host) = node(decoder, field)?;
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

/// Returns architecture and address of a machine that builds; nothing where one of them is wrong.
fn node(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<(String, Option<String>)> {
    let before = decoder.diagnostics.len();
    let record = decoder.record(field, &["arch", "host"]);
    let host = record.get("host").and_then(|field| host(decoder, field));
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
        None => format!("known architectures: {}", list(ARCHITECTURES)),
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

fn warn_credentials(decoder: &mut Decoder<'_>, field: &Field<'_>, args: &BTreeMap<String, String>) {
    if args.is_empty() {
        return;
    }
    for (name, child) in decoder.entries(field) {
        if let Some(value) = args.get(name) {
            env::warn_build_argument(decoder, name, value, child.key);
        }
    }
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
