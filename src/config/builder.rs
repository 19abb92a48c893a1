//! `builder`: how the image is built.

use std::collections::BTreeMap;

use super::decode::{Decoder, Field, Record, shown};
use super::model::{Builder, BuilderKind};
use super::{env, options};
use crate::diagnostic::{Diagnostic, Place};

const NATIVE_HELP: &str = "this version builds for the machine's own architecture only: write `builder: {multiarch: false}`";

/// Reads `builder`, or says that it is needed where there is none.
pub(super) fn decode(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>, file: &str) -> Builder {
    let mut builder = Builder {
        kind: BuilderKind::Native,
        dockerfile: "Dockerfile".to_owned(),
        context: ".".to_owned(),
        args: BTreeMap::new(),
        secrets: Vec::new(),
    };
    let Some(field) = field else {
        let place = Place {
            file: file.to_owned(),
            line: 0,
            column: 0,
            length: 1,
        };
        let error =
            Diagnostic::error("without `builder`, images would be built for several architectures");
        decoder.diagnostics.push(error.at(place).help(NATIVE_HELP));
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
    refuse_other_kinds(decoder, field, &record);
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

/// Reports every wish for another builder than the native one, and its absence where that would mean another.
fn refuse_other_kinds(decoder: &mut Decoder<'_>, field: &Field<'_>, record: &Record<'_>) {
    let remote = record.get("local").or(record.get("remote"));
    for field in [record.get("local"), record.get("remote")]
        .into_iter()
        .flatten()
    {
        decoder.error(
            field.key,
            format!("`{}` is not supported by this version yet", field.path),
            NATIVE_HELP,
        );
    }
    match record.get("multiarch") {
        Some(multiarch) => {
            if decoder.boolean(multiarch) == Some(true) && remote.is_none() {
                let mark = multiarch.node.mark;
                decoder.error(
                    mark,
                    "images for several architectures are not supported by this version yet",
                    NATIVE_HELP,
                );
            }
        }
        None if remote.is_some() => {}
        None => decoder.error(
            field.key,
            "without `multiarch: false`, images would be built for several architectures",
            NATIVE_HELP,
        ),
    }
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
            format!("`{}` must be a path, not `{}`", field.path, shown(&path)),
            "write a path of this machine, relative to the current directory",
        );
        return None;
    }
    Some(path)
}
