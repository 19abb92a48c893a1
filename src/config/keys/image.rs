//! `image`: the name of the image, without a registry's server, tag and digest.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::schema::{Property, matching};
use crate::config::values::image_reference::{has_server, is_component};

pub(super) const KEY: Property = ("image", schema);

fn schema() -> Value {
    matching(
        "Name of the image, without registry, tag and digest: the tag is the version.",
        "^(?!localhost/)(?![^/]*\\.[^/]*/)[a-z0-9]+([._/-]+[a-z0-9]+)*$",
    )
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> String {
    root.read(decoder, KEY.0, name).unwrap_or_default()
}

fn name(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decoder.filled(field)?;
    let help = if name.contains("://") {
        "remove the scheme and the registry server"
    } else if name.contains('@') {
        "remove the digest"
    } else if name
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains(':'))
    {
        "remove the tag: mrsk tags images with the version"
    } else if has_server(&name) {
        "set the server as `registry.server`, and only the rest here"
    } else if !name.split('/').all(is_component) {
        "use `NAME` or `ORGANIZATION/NAME`: lowercase letters and digits, separated by `.`, `_`, `__` or `-`"
    } else {
        return Some(name);
    };
    decoder.invalid(field.node.mark, "image name", &name, help)
}
