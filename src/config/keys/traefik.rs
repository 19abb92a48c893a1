//! `traefik`: the proxy in front of the app, of which each host has one.

use serde_json::{Value, json};

use super::env;
use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::{DockerOption, Traefik};
use crate::config::node::Kind;
use crate::config::schema::{Property, list, map, record, text, with_default};
use crate::config::values::{boolean, docker_options, image_reference, labels, port};

pub(super) const KEY: Property = ("traefik", schema);

/// The image of Traefik that is used if the file names none.
pub const DEFAULT_TRAEFIK_IMAGE: &str = "traefik:v3.3";

const DEFAULT_HOST_PORT: u16 = 80;

const KEYS: [Property; 7] = [
    ("image", || {
        let image = image_reference::schema("Image of Traefik 3.");
        with_default(image, DEFAULT_TRAEFIK_IMAGE)
    }),
    ("host_port", || {
        let port = port::schema("Port of the host that it listens on.");
        with_default(port, DEFAULT_HOST_PORT)
    }),
    ("publish", || {
        let publish = boolean::schema(
            "Whether `host_port` is published; `false` if something in front of it reaches its container.",
        );
        with_default(publish, true)
    }),
    ("args", args_schema),
    ("options", || {
        docker_options::schema("Options of `docker create` for its container.")
    }),
    ("env", || {
        env::schema("Environment of its container, such as the token of a DNS provider.")
    }),
    ("labels", || labels::schema("Labels of its container.")),
];

fn schema() -> Value {
    let what = "The proxy in front of the app, of which each host has one.";
    record(what, &KEYS)
}

fn args_schema() -> Value {
    let values = list("Values: the argument is repeated.", &text("Value."));
    let kinds = json!({ "anyOf": [text("Value."), values] });
    let what = "Arguments of its command line, without the dashes.";
    map(what, "^[^-=\\s][^=\\s]*$", &kinds)
}

pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Traefik {
    let traefik = root.section(decoder, KEY.0, &KEYS);
    Traefik {
        image: traefik.read_or(decoder, "image", image, DEFAULT_TRAEFIK_IMAGE),
        host_port: traefik.read_or(decoder, "host_port", port::decode, DEFAULT_HOST_PORT),
        publish: publish(decoder, &traefik),
        args: traefik.collect(decoder, "args", args),
        options: traefik.collect(decoder, "options", docker_options::decode),
        env: traefik.collect(decoder, "env", env::layer).to_env(),
        labels: traefik.collect(decoder, "labels", labels::decode),
    }
}

/// Reads whether the port is published, and reports one that is named and is not.
fn publish(decoder: &mut Decoder<'_>, traefik: &Record<'_>) -> bool {
    let publish = traefik.read_or(decoder, "publish", boolean::decode, true);
    if let Some(port) = traefik.get("host_port").filter(|_| !publish) {
        let message = format!("`{}` conflicts with `traefik.publish: false`", port.path);
        decoder.error(port.key, message, "remove one of them");
    }
    publish
}

/// Reads the image. Traefik 1 and 2 cannot read routing files, whose options are those of Traefik 3.
fn image(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let image = image_reference::decode(decoder, field)?;
    if let Some(major) = old_major(&image) {
        let message = format!("`{image}` is Traefik {major}, and mrsk supports Traefik 3");
        let help = format!(
            "remove `image`, which uses `{DEFAULT_TRAEFIK_IMAGE}`, or name an image of Traefik 3; rules of Traefik 2 in \
             `labels` are then reported with their new form"
        );
        decoder.error(field.node.mark, message, help);
        return None;
    }
    Some(image)
}

/// Returns the version of an official image of Traefik that is older than 3, by its tag.
fn old_major(image: &str) -> Option<char> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    let tag = name.strip_prefix("traefik:")?;
    let version = tag.strip_prefix('v').unwrap_or(tag);
    let major = version.chars().next().filter(|c| ['1', '2'].contains(c))?;
    let rest = &version[1..];
    (rest.is_empty() || rest.starts_with(['.', '-'])).then_some(major)
}

/// Reads arguments of Traefik's command line. Unlike an option of docker, `false` is a value: many of
/// its settings are on by default.
fn args(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<DockerOption> {
    let mut args = Vec::new();
    for (name, child) in decoder.entries(field) {
        let bare = name.trim_start_matches('-');
        let invalid = |c: char| c == '=' || c.is_whitespace() || c.is_control();
        if bare.is_empty() || bare.contains(invalid) || bare != name {
            let help = "use the name without dashes and `=`, such as `accesslog.format`";
            decoder.invalid::<()>(child.key, "Traefik argument", &child.path, help);
            continue;
        }
        decoder.routes(name, &child);
        let values = match child.node.kind {
            Kind::Sequence(_) => decoder.items(&child),
            _ => vec![child],
        };
        let values = values.iter().filter_map(|value| decoder.text(value));
        args.extend(values.map(|value| DockerOption {
            name: name.to_owned(),
            value: Some(value),
        }));
    }
    args
}
