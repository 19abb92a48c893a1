//! `builder.local`, `remote`, `arch` and `multiarch`: which machines build, and for which architectures.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record, choice, shown};
use crate::config::model::{BuilderKind, LocalNode, RemoteNode};
use crate::config::node::Kind;
use crate::config::schema::{self, Property, matching, record};
use crate::config::values::boolean;

/// Architectures as docker names them.
const ARCHITECTURES: [&str; 11] = [
    "amd64", "arm64", "arm", "arm/v6", "arm/v7", "386", "ppc64le", "s390x", "riscv64", "mips64le",
    "loong64",
];

/// What addresses of engines begin with.
const SCHEMES: [&str; 3] = ["ssh://", "unix://", "tcp://"];

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

/// Returns the schema of `local`.
pub(super) fn local_schema() -> Value {
    record(
        "The machine that builds one architecture, while `remote` builds another.",
        &LOCAL_KEYS,
    )
}

/// Returns the schema of `remote`.
pub(super) fn remote_schema() -> Value {
    let machine = record("A machine that builds.", &REMOTE_KEYS);
    let address = host_schema("Address of its Docker, which builds for `arch`.");
    let kinds = json!({ "anyOf": [machine, address] });
    schema::described("A second machine that builds, through its Docker.", kinds)
}

/// Returns the schema of `arch`.
pub(super) fn archs_schema() -> Value {
    let several = schema::list("Architectures.", &arch_schema());
    let kinds = json!({ "anyOf": [arch_schema(), several] });
    schema::described(
        "The architecture, or a list of them, in place of `multiarch`.",
        kinds,
    )
}

fn arch_schema() -> Value {
    json!({ "enum": ARCHITECTURES, "description": "Architecture that it builds for." })
}

fn host_schema(description: &str) -> Value {
    matching(description, "^(ssh|unix|tcp)://[^\\s]+$")
}

/// Returns which builder is meant. Keys that contradict each other are errors: none of them is silently ignored.
pub(super) fn kind(decoder: &mut Decoder<'_>, record: &Record<'_>) -> BuilderKind {
    let remote_text = record
        .get("remote")
        .filter(|field| matches!(field.node.kind, Kind::Scalar { .. }));
    if record.get("arch").is_some() || remote_text.is_some() {
        return kind_of_arch(decoder, record, remote_text).unwrap_or(BuilderKind::Multiarch);
    }
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

/// Returns which builder `arch` means, with the address of the machine that builds in `remote`.
fn kind_of_arch(
    decoder: &mut Decoder<'_>,
    record: &Record<'_>,
    remote: Option<&Field<'_>>,
) -> Option<BuilderKind> {
    let others = ["multiarch", "local", "remote"].into_iter();
    let mut others = others.filter_map(|key| record.get(key));
    let conflict = others.find(|field| {
        !matches!(field.node.kind, Kind::Scalar { .. }) || field.path.ends_with("multiarch")
    });
    let Some(field) = record.get("arch") else {
        let help = "add the architecture that it builds for, such as `arch: amd64`";
        let message = "`builder.remote` with an address requires `builder.arch`";
        decoder.error(remote?.key, message, help);
        return None;
    };
    if let Some(other) = conflict {
        let message = format!("`{}` conflicts with `{}`", other.path, field.path);
        let help = "keep `arch`, with the address of another machine as `remote`, or `multiarch`, `local` and `remote` as maps";
        decoder.error(other.key, message, help);
        return None;
    }
    let archs = archs(decoder, field)?;
    let Some(remote) = remote else {
        return Some(BuilderKind::Platforms(archs));
    };
    let host = host(decoder, remote)?;
    match archs.as_slice() {
        [arch] => Some(BuilderKind::NativeRemote(RemoteNode {
            arch: arch.clone(),
            host,
        })),
        _ => {
            let message = "`builder.remote` with an address builds for one architecture";
            let help = "say which machine builds which: `local: {arch: …}` and `remote: {arch: …, host: …}` in place of `arch`";
            decoder.error(remote.key, message, help);
            None
        }
    }
}

/// Reads one architecture, or a list of them.
fn archs(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let before = decoder.diagnostics.len();
    let items = match field.node.kind {
        Kind::Scalar { .. } => vec![field.clone()],
        _ => decoder.items(field),
    };
    let mut archs: Vec<String> = Vec::new();
    for item in &items {
        match arch(decoder, item) {
            Some(arch) if archs.contains(&arch) => {
                let message = format!("duplicate architecture `{arch}`");
                decoder.error(item.node.mark, message, "remove one of them");
            }
            arch => archs.extend(arch),
        }
    }
    if items.is_empty() && decoder.diagnostics.len() == before {
        let message = format!("`{}` has no architecture", field.path);
        decoder.error(
            field.key,
            message,
            "name one, such as `amd64`, or remove the key",
        );
    }
    (decoder.diagnostics.len() == before).then_some(archs)
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
