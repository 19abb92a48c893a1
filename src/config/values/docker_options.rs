//! Options of `docker create`.

use serde_json::{Map, Value, json};

use crate::config::decoder::{Decoder, Field};
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
            options.extend(values.map(|value| DockerOption {
                name: name.to_owned(),
                value,
            }));
        }
    }
    options
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
