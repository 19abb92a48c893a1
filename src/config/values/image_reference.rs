//! References of images, as docker takes them.

use serde_json::Value;

use super::port;
use crate::config::decoder::{Decoder, Field};
use crate::config::schema::matching;
use crate::digest;

/// Returns the schema.
pub(crate) fn schema(description: &str) -> Value {
    matching(description, "^(?!.*://)[A-Za-z0-9][^\\s]*$")
}

/// Reads a reference.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let image = decoder.filled(field)?;
    if !is_reference(&image) {
        let help = "use `NAME`, `NAME:TAG` or `SERVER/NAME:TAG`; names are lowercase";
        return decoder.invalid(field.node.mark, "image reference", &image, help);
    }
    Some(image)
}

/// Docker takes the first of several components for a server if it has a dot or a colon, or is
/// `localhost`.
pub(crate) fn has_server(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost")
}

/// Whether `text` is one of the parts of a name that slashes separate.
pub(crate) fn is_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.split(alphanumeric).all(separator)
}

/// Returns whether docker takes `text` for an image: `[SERVER/]NAME[:TAG][@DIGEST]`.
fn is_reference(text: &str) -> bool {
    let (named, digest) = match text.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (text, None),
    };
    let (name, tag) = match named.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (named, None),
    };
    let (server, path) = match name.split_once('/') {
        Some((server, path)) if has_server(name) => (Some(server), path),
        _ => (None, name),
    };
    path.split('/').all(is_component)
        && server.is_none_or(is_server)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(|digest| digest::digits(digest).is_some())
}

fn is_tag(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) && text.bytes().all(allowed)
}

/// Whether `text` is `host` or `host:port`.
pub(crate) fn is_server(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "1"));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(allowed)
        && port::parse(port).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_components_follow_dockers_grammar() {
        for text in ["hey", "37s", "a.b", "a_b", "a__b", "a--b", "app-1"] {
            assert!(is_component(text), "{text}");
        }
        for text in ["", "A", "a..b", "a___b", ".a", "a-", "a._b", "a b", "é"] {
            assert!(!is_component(text), "{text}");
        }
    }

    #[test]
    fn references_follow_dockers_grammar() {
        let digest = format!("mysql@sha256:{}", "0".repeat(64));
        for text in [
            "mysql",
            "mysql:5.7",
            "library/redis:latest",
            "registry.digitalocean.com/user/otherservice:latest",
            "localhost:5000/redis",
            "traefik:v3.3",
            &digest,
        ] {
            assert!(is_reference(text), "{text}");
        }
        for text in [
            "",
            "MySQL",
            "mysql:",
            "mysql:a b",
            "-mysql",
            "my sql",
            "a//b",
            "mysql@sha256:0",
            "https://a.b/c",
        ] {
            assert!(!is_reference(text), "{text}");
        }
    }
}
