//! `builder.cache`: where a build keeps its layers for the next one.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, choice, shown};
use crate::config::model::{BuildCache, CacheKind};
use crate::config::schema::{Property, matching, record};
use crate::config::values::image_reference;

const TYPES: [&str; 2] = ["gha", "registry"];

/// What may be said of a cache: nothing that reads or writes another place.
const OPTIONS: [&str; 9] = [
    "mode",
    "scope",
    "compression",
    "compression-level",
    "force-compression",
    "oci-mediatypes",
    "image-manifest",
    "ignore-error",
    "timeout",
];

const KEYS: [Property; 3] = [
    (
        "type",
        || json!({ "enum": TYPES, "description": "`gha`: GitHub's cache of actions; `registry`: an image beside the app's." }),
    ),
    ("options", || {
        matching(
            "Options of `--cache-to`, such as `mode=max`.",
            "^[a-z-]+=[A-Za-z0-9._/:@-]+(,[a-z-]+=[A-Za-z0-9._/:@-]+)*$",
        )
    }),
    ("image", || {
        image_reference::schema(
            "Image of the type `registry`, without the server; by default `IMAGE-build-cache`.",
        )
    }),
];

/// Returns the schema.
pub(super) fn schema() -> Value {
    let mut cache = record("Cache of the build beside the image.", &KEYS);
    cache["type"] = json!("object");
    cache["required"] = json!(["type"]);
    cache
}

/// Reads the cache.
pub(super) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<BuildCache> {
    let cache = decoder.record(field, &KEYS);
    if cache.get("type").is_none() {
        decoder.missing(field, "type", "set `type: registry` or `type: gha`");
    }
    let kind = cache.read(decoder, "type", kind);
    let options = cache.read(decoder, "options", options);
    let image = cache.read(decoder, "image", image_reference::decode);
    if let (Some(CacheKind::Gha), Some(image)) = (kind, cache.get("image")) {
        let message = format!("`{}` conflicts with `type: gha`", image.path);
        decoder.error(image.key, message, "remove it: GitHub's cache has no image");
    }
    Some(BuildCache {
        kind: kind?,
        options,
        image,
    })
}

fn kind(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<CacheKind> {
    match decoder.filled(field)?.as_str() {
        "gha" => Some(CacheKind::Gha),
        "registry" => Some(CacheKind::Registry),
        other => {
            let message = format!("unknown type of cache `{}`", shown(other));
            decoder.error(field.node.mark, message, choice(other, "types", &TYPES));
            None
        }
    }
}

fn options(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    for option in text.split(',') {
        let name = option.split('=').next().unwrap_or_default();
        if is_cache_option(option) {
            continue;
        }
        let help = match OPTIONS.contains(&name) {
            true => {
                format!("use `{name}=VALUE` with letters, digits, `.`, `_`, `-`, `/`, `:` and `@`")
            }
            false => choice(name, "options", &OPTIONS),
        };
        return decoder.invalid(field.node.mark, "option of the cache", option, help);
    }
    Some(text)
}

/// Returns whether `option` is `NAME=VALUE` with the name of one that may be said of a cache.
pub fn is_cache_option(option: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    option.split_once('=').is_some_and(|(name, value)| {
        OPTIONS.contains(&name) && !value.is_empty() && value.chars().all(allowed)
    })
}
