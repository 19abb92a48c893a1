//! `asset_path`: the directory of the image whose files containers of two versions share while they serve, of all roles or of one.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record, shown};
use crate::config::model::Assets;
use crate::config::schema::{Property, matching};

pub(super) const KEY: Property = ("asset_path", schema);

const PATTERN: &str = "^/[^:\\s/][^:\\s]*(:(ro|z|Z)(,(ro|z|Z))*)?$";

/// The options of a mount that change neither its files nor who may write them.
const OPTIONS: [&str; 3] = ["ro", "z", "Z"];

fn schema() -> Value {
    let what = "Directory of the image with the app's assets: its containers also have those of the version before, \
                and that those of the new one.";
    matching(what, PATTERN)
}

/// Reads that of the whole file, or of a role.
pub(super) fn decode(decoder: &mut Decoder<'_>, record: &Record<'_>) -> Option<Assets> {
    record.read(decoder, KEY.0, assets)
}

fn assets(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Assets> {
    let text = decoder.filled(field)?;
    let (path, options) = text.split_once(':').unwrap_or((&text, "ro"));
    let is_path = path.starts_with('/')
        && path != "/"
        && !path.contains(|c: char| c.is_whitespace() || c.is_control())
        && path
            .trim_matches('/')
            .split('/')
            .all(|part| !["", ".", ".."].contains(&part));
    if !is_path {
        let help =
            "use the absolute path of a directory in the image, such as `/rails/public/assets`";
        return decoder.invalid(field.node.mark, "asset path", &text, help);
    }
    let options: Vec<&str> = options.split(',').collect();
    if let Some(option) = options.iter().find(|option| !OPTIONS.contains(option)) {
        let help = "use `ro`, `z` or `Z`: containers only read their assets";
        let message = format!(
            "`{}` cannot be mounted with `{}`",
            field.path,
            shown(option)
        );
        decoder.error(field.node.mark, message, help);
        return None;
    }
    let label = options.iter().find(|option| **option != "ro");
    Some(Assets {
        path: path.trim_end_matches('/').to_owned(),
        selinux: label.map(|option| (*option).to_owned()),
    })
}

/// Warns of that of a role that gets no requests: only who asks for a page asks for its assets.
pub(super) fn check_unrouted(decoder: &mut Decoder<'_>, role: &Record<'_>) {
    if let Some(field) = role.get(KEY.0) {
        let message = format!("`{}` has no effect: the role has no Traefik", field.path);
        decoder.warn(
            field.key,
            message,
            "remove it, or set `traefik: true` for the role",
        );
    }
}
