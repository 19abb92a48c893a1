//! `traefik`: the proxy in front of the app, of which each host has one.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::{DockerOption, Traefik};
use crate::config::node::Kind;
use crate::config::schema::{Property, list, map, record, text, with_default};
use crate::config::values::{docker_options, image_reference, labels, port};

pub(super) const KEY: Property = ("traefik", schema);

/// The image of Traefik that is used if the file names none.
pub const DEFAULT_TRAEFIK_IMAGE: &str = "traefik:v3.3";

const DEFAULT_HOST_PORT: u16 = 80;

const KEYS: [Property; 5] = [
    ("image", || {
        let image = image_reference::schema("Image of Traefik 3.");
        with_default(image, DEFAULT_TRAEFIK_IMAGE)
    }),
    ("host_port", || {
        let port = port::schema("Port of the host that it listens on.");
        with_default(port, DEFAULT_HOST_PORT)
    }),
    ("args", args_schema),
    ("options", || {
        docker_options::schema("Options of `docker create` for its container.")
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
        image: traefik.read_or(
            decoder,
            "image",
            image_reference::decode,
            DEFAULT_TRAEFIK_IMAGE,
        ),
        host_port: traefik.read_or(decoder, "host_port", port::decode, DEFAULT_HOST_PORT),
        args: traefik.collect(decoder, "args", args),
        options: traefik.collect(decoder, "options", docker_options::decode),
        labels: traefik.collect(decoder, "labels", labels::decode),
    }
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
