//! Options of `docker create`.

use serde_json::{Map, Value, json};

use crate::config::decoder::{Decoder, Field, shown};
use crate::config::model::DockerOption;
use crate::config::node::Kind;
use crate::config::schema::{described, list, map, text};
use crate::config::values::texts::{MAX_ARGUMENT, TOO_LONG_HELP, argument_length, too_long};
use crate::config::values::{option_values, volume};

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
const OWN: [(&str, &str); 8] = [
    ("name", "mrsk names the containers"),
    ("detach", "containers always run in the background"),
    (
        "rm",
        "mrsk removes old containers itself; they are kept for a rollback",
    ),
    ("cidfile", "mrsk finds containers by their labels"),
    ("label", "use the key `labels`"),
    (
        "pull",
        "mrsk pulls the image itself, and compares it with the planned one",
    ),
    ("log-driver", "use the key `logging`"),
    ("stop-timeout", "use the key `stop_wait_time`"),
];

/// The help about what cannot be the name of an option.
const LONG_NAME: &str =
    "use the long name of the option without dashes, such as `memory` or `cap-add`";

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

/// Reads options of `docker create`, in the order of the file. `false` leaves an option out, `true`
/// makes it a flag, a list repeats it.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<DockerOption> {
    let mut options = Vec::new();
    for (name, child) in decoder.entries(field) {
        if let Some(name) = option_name(decoder, name, &child) {
            let values = values(decoder, name, &child).into_iter();
            let given = values.map(|value| DockerOption {
                name: name.to_owned(),
                value,
            });
            options.extend(given.filter(|option| is_complete(decoder, option, &child)));
        }
    }
    options
}

/// Reports an option that docker would refuse, or read otherwise than it is meant. Returns whether there is none.
fn is_complete(decoder: &mut Decoder<'_>, option: &DockerOption, field: &Field<'_>) -> bool {
    let value = option.value.as_deref().unwrap_or_default();
    match option.name.as_str() {
        "volume" => return volume::check(decoder, field, value),
        // Docker would take the value of the host's environment, which nobody sets there.
        "env" if !value.contains('=') => {
            let message = format!("docker option `env: {}` has no value", shown(value));
            let section = match field.path.split('.').next() {
                Some("traefik") => "traefik: {env: {secret: […]}}",
                _ => "env: {secret: […]}",
            };
            let help = format!("list it under `{section}`, or write `NAME=value`");
            decoder.error(field.node.mark, message, help);
        }
        _ if argument_length(&option.name, value) > MAX_ARGUMENT => {
            decoder.error(
                field.key,
                too_long("docker option", &option.name),
                TOO_LONG_HELP,
            );
        }
        _ => return option_values::check(decoder, option, field),
    }
    false
}

/// Returns what the option `name` is given, once for each time that it is; `None` is a flag.
fn values(decoder: &mut Decoder<'_>, name: &str, field: &Field<'_>) -> Vec<Option<String>> {
    let (mark, message, help) = match (&field.node.kind, field.plain()) {
        (Kind::Sequence(_), _) => {
            let items = decoder.items(field).into_iter();
            let texts = items.filter_map(|item| decoder.text(&item));
            return texts.map(Some).collect();
        }
        (_, Some("false")) => return Vec::new(),
        (_, Some("true")) if FLAGS.contains(&name) => return vec![None],
        (_, Some("true")) => (
            field.node.mark,
            format!("docker option `--{name}` requires a value, got `true`"),
            format!(
                "set a value, as in `{name}: VALUE`; quote it if it is really the string `true`"
            ),
        ),
        (Kind::Mapping(_), _) => (
            field.key,
            format!("`{}` must be a value or a list, not a map", field.path),
            format!("use docker's own syntax, such as `{name}: [\"key=value\"]`"),
        ),
        _ => return decoder.text(field).map(Some).into_iter().collect(),
    };
    decoder.error(mark, message, help);
    Vec::new()
}

fn option_name<'n>(decoder: &mut Decoder<'_>, name: &'n str, field: &Field<'_>) -> Option<&'n str> {
    let bare = name.trim_start_matches('-');
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = bare.len() > 1 && bare.bytes().all(allowed);
    if !valid || bare != name {
        let help = match valid {
            true => format!("write `{bare}`, without the dashes"),
            false => LONG_NAME.to_owned(),
        };
        return decoder.invalid(field.key, "docker option", &field.path, help);
    }
    if let Some((_, help)) = OWN.iter().find(|(own, _)| *own == name) {
        let message = format!("docker option `{name}` is reserved");
        decoder.error(field.key, message, *help);
        return None;
    }
    // The manual of the original writes `volumes`, docker knows only `--volume`.
    Some(if name == "volumes" { "volume" } else { name })
}
