//! Options of `docker create`.

use serde_json::{Map, Value, json};

use crate::config::decoder::{Decoder, Field, shown};
use crate::config::model::DockerOption;
use crate::config::node::Kind;
use crate::config::schema::{described, list, map, text};

/// Options of `docker create` that are flags: they take no value.
const FLAGS: [&str; 10] = [
    "disable-content-trust",
    "init",
    "interactive",
    "no-healthcheck",
    "oom-kill-disable",
    "privileged",
    "publish-all",
    "read-only",
    "tty",
    "use-api-socket",
];

/// Options that mrsk sets itself, each with what to do instead.
const OWN: [(&str, &str); 7] = [
    ("name", "mrsk names the containers"),
    ("detach", "containers always run in the background"),
    (
        "rm",
        "mrsk removes old containers itself; they are kept for a rollback",
    ),
    ("cidfile", "mrsk finds containers by their labels"),
    ("label", "use the key `labels`"),
    ("log-driver", "use the key `logging`"),
    ("stop-timeout", "use the key `stop_wait_time`"),
];

/// Returns the schema: `true` is for flags only.
pub(crate) fn schema(description: &str) -> Value {
    let own = OWN.map(|(name, _)| name);
    let values = list("Values: the option is repeated.", &text("Value."));
    let flag = described(
        "A flag: `true` gives it, `false` leaves it out.",
        json!({ "anyOf": [text("Value."), values] }),
    );
    let flags: Map<String, Value> = FLAGS
        .iter()
        .map(|name| ((*name).to_owned(), flag.clone()))
        .collect();
    let mut options = map(
        description,
        "^[a-z0-9][a-z0-9-]+$",
        &json!({ "anyOf": [{ "type": ["string", "number"] }, { "const": false }, values] }),
    );
    options["propertyNames"]["not"] = json!({ "enum": own });
    options["properties"] = Value::Object(flags);
    options
}

/// Reads options of `docker create`, in the order of the file. `false` leaves an option out, `true` makes it a flag,
/// a list repeats it.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<DockerOption> {
    let mut options = Vec::new();
    for (name, child) in decoder.entries(field) {
        if let Some(name) = option_name(decoder, name, &child) {
            decode_option(decoder, &name, &child, &mut options);
        }
    }
    options
}

fn decode_option(
    decoder: &mut Decoder<'_>,
    name: &str,
    field: &Field<'_>,
    options: &mut Vec<DockerOption>,
) {
    if let Kind::Sequence(_) = field.node.kind {
        for item in decoder.items(field) {
            if let Some(value) = decoder.text(&item) {
                options.push(option(name, Some(value)));
            }
        }
        return;
    }
    if let Kind::Mapping(_) = field.node.kind {
        decoder.error(
            field.key,
            format!("`{}` must be a value or a list, not a map", field.path),
            format!("use docker's own syntax, such as `{name}: [\"key=value\"]`"),
        );
        return;
    }
    match field.plain() {
        Some("false") => {}
        Some("true") if FLAGS.contains(&name) => options.push(option(name, None)),
        Some("true") => decoder.error(
            field.node.mark,
            format!("docker option `--{name}` requires a value, got `true`"),
            format!(
                "set a value, as in `{name}: VALUE`; quote it if it is really the string `true`"
            ),
        ),
        _ => {
            if let Some(value) = decoder.text(field) {
                options.push(option(name, Some(value)));
            }
        }
    }
}

fn option_name(decoder: &mut Decoder<'_>, name: &str, field: &Field<'_>) -> Option<String> {
    let bare = name.trim_start_matches('-');
    let valid = bare.len() > 1
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !valid || bare != name {
        let help = if valid {
            format!("write `{bare}`, without the dashes")
        } else {
            "use the long name of the option without dashes, such as `memory` or `cap-add`"
                .to_owned()
        };
        let message = format!("`{}` is not a valid docker option", shown(&field.path));
        decoder.error(field.key, message, help);
        return None;
    }
    if let Some((_, help)) = OWN.iter().find(|(own, _)| *own == name) {
        decoder.error(
            field.key,
            format!("docker option `{name}` is reserved"),
            *help,
        );
        return None;
    }
    // The manual of the original writes `volumes` where docker knows only `--volume`.
    Some(if name == "volumes" { "volume" } else { name }.to_owned())
}

fn option(name: &str, value: Option<String>) -> DockerOption {
    DockerOption {
        name: name.to_owned(),
        value,
    }
}
