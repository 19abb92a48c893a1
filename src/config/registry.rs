//! `service`, `image` and `registry`: what is deployed, and where its images are.

use super::decode::{Decoder, Field, shown};
use super::env;
use super::model::{Registry, Value};
use super::node::Kind;
use crate::digest;
use crate::secret::Secret;

/// The name of the secret that a literal password becomes.
pub const PASSWORD_SECRET: &str = "MRSK_REGISTRY_PASSWORD";

/// Reads the name of the service.
pub(super) fn service(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decoder.text(field)?;
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let allowed = |byte: u8| first(byte) || b"_.-".contains(&byte);
    let valid =
        name.len() <= 63 && name.bytes().next().is_some_and(first) && name.bytes().all(allowed);
    if !valid {
        decoder.error(
            field.node.mark,
            format!("`{}` is not a valid service name", shown(&name)),
            "use lowercase letters, digits, `_`, `.` and `-`; start with a letter or digit; at most 63 characters",
        );
        return None;
    }
    Some(name)
}

/// Reads the name of the image: without a registry's server, tag and digest.
pub(super) fn image(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decoder.text(field)?;
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
    decoder.error(
        field.node.mark,
        format!("`{}` is not a valid image name", shown(&name)),
        help,
    );
    None
}

/// Docker takes the first of several components for a server where it has a dot or a colon, or is `localhost`.
fn has_server(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost")
}

fn is_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.split(alphanumeric).all(separator)
}

/// Returns whether docker takes `text` for an image: `[SERVER/]NAME[:TAG][@DIGEST]`.
pub(super) fn is_reference(text: &str) -> bool {
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

/// Reads `registry`, and returns the password where it stands in the file.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    field: Option<&Field<'_>>,
) -> (Registry, Option<Secret>) {
    let Some(field) = field else {
        let nothing = Registry {
            server: None,
            username: None,
            password: None,
        };
        return (nothing, None);
    };
    let record = decoder.record(field, &["server", "username", "password"]);
    let server = record.get("server").map(|field| server(decoder, field));
    let username = record.get("username").map(|field| value(decoder, field));
    let password = record.get("password").map(|field| value(decoder, field));
    if let Some(missing) = missing(username.is_some(), password.is_some(), server.is_some())
        && matches!(field.node.kind, Kind::Mapping(_) | Kind::Null)
    {
        decoder.error(
            field.key,
            format!("missing {missing}"),
            "set both `username` and `password`; only a `server` without login needs neither",
        );
    }
    let (password, literal) = match (password.flatten(), record.get("password")) {
        (Some(Value::Literal(text)), Some(field)) => {
            decoder.warn_secret(
                field.key,
                "registry password in plain text",
                format!(
                    "it is used as the secret `{PASSWORD_SECRET}`; set that in .env or the environment instead, and write `password: [{PASSWORD_SECRET}]`"
                ),
            );
            decoder.refer(PASSWORD_SECRET, field.key);
            (Some(PASSWORD_SECRET.to_owned()), Some(Secret::new(text)))
        }
        (Some(Value::FromEnv(name)), _) => (Some(name), None),
        _ => (None, None),
    };
    let registry = Registry {
        server: server.flatten(),
        username: username.flatten(),
        password,
    };
    (registry, literal)
}

fn missing(username: bool, password: bool, server: bool) -> Option<&'static str> {
    match (username, password) {
        (true, true) => None,
        (true, false) => Some("key `registry.password`"),
        (false, true) => Some("key `registry.username`"),
        (false, false) => (!server).then_some("keys `registry.username` and `registry.password`"),
    }
}

fn server(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let server = decoder.filled(field)?;
    if !is_server(&server) {
        let help = if server.contains("://") {
            "remove the scheme"
        } else if server.contains('/') {
            "set only the server here, and put the path before the name in `image`"
        } else {
            "use `host` or `host:port`"
        };
        let message = format!("`{}` is not a valid registry server", shown(&server));
        decoder.error(field.node.mark, message, help);
        return None;
    }
    Some(server)
}

fn is_server(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "1"));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    !name.is_empty()
        && !name.starts_with('-')
        && name.bytes().all(allowed)
        && super::decode::parse_port(port).is_some()
}

/// Reads a literal, or a list with the name of one variable.
fn value(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Value> {
    let Kind::Sequence(_) = field.node.kind else {
        return decoder.filled(field).map(Value::Literal);
    };
    let items = decoder.items(field);
    let [item] = items.as_slice() else {
        decoder.error(
            field.key,
            format!(
                "`{}` must name one variable, not {}",
                field.path,
                items.len()
            ),
            "write a list of one name, as in `[MRSK_REGISTRY_PASSWORD]`",
        );
        return None;
    };
    let name = env::variable_name(decoder, item)?;
    decoder.refer(&name, item.key);
    Some(Value::FromEnv(name))
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
