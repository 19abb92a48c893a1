//! `registry`: where images are pushed to and pulled from.

use serde_json::{Value as Json, json};

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::{Credentials, Registry, Value};
use crate::config::node::{Kind, Mark};
use crate::config::schema::{Property, described, filled, matching, record};
use crate::config::values::image_reference::is_server;
use crate::config::values::variable;
use crate::secret::Secret;

pub(super) const KEY: Property = ("registry", schema);

/// The name of the secret that a literal password becomes.
pub const PASSWORD_SECRET: &str = "MRSK_REGISTRY_PASSWORD";

const KEYS: [Property; 4] = [
    ("server", || {
        matching(
            "Registry host, with a port if it needs one. Default: Docker Hub.",
            "^[A-Za-z0-9.][A-Za-z0-9.-]*(:[0-9]{1,5})?$",
        )
    }),
    ("username", || {
        value_schema("User name, or a list with the name of the variable that holds it.")
    }),
    ("password", || {
        value_schema(
            "A list with the name of the variable that holds the password. The password itself is accepted, with a warning.",
        )
    }),
    ("pull", || {
        record(
            "What hosts log in with, if it is another user, who cannot push.",
            &PULL_KEYS,
        )
    }),
];

const PULL_KEYS: [Property; 2] = [
    ("username", || {
        value_schema("User name, or a list with the name of the variable that holds it.")
    }),
    ("password", || {
        let names =
            json!({ "type": "array", "items": variable::schema(), "minItems": 1, "maxItems": 1 });
        described(
            "A list with the name of the variable that holds the password.",
            names,
        )
    }),
];

fn schema() -> Json {
    record("Where images are pushed to and pulled from.", &KEYS)
}

fn value_schema(description: &str) -> Json {
    let names =
        json!({ "type": "array", "items": variable::schema(), "minItems": 1, "maxItems": 1 });
    let name = described("The name of a variable of .env or the environment.", names);
    let kinds = json!({ "anyOf": [filled("The value."), name] });
    described(description, kinds)
}

/// Reads `registry`, and returns the password if it stands in the file.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> (Registry, Option<Secret>) {
    let registry = root.section(decoder, KEY.0, &KEYS);
    check_login(decoder, root.get(KEY.0), &registry);
    let (password, literal) = match registry.read(decoder, "password", value) {
        Some(Value::Literal(text)) => {
            if let Some(field) = registry.get("password") {
                warn_password(decoder, field.key);
            }
            (Some(PASSWORD_SECRET.to_owned()), Some(Secret::new(text)))
        }
        Some(Value::FromEnv(name)) => (Some(name), None),
        None => (None, None),
    };
    let registry = Registry {
        server: registry.read(decoder, "server", server),
        username: registry.read(decoder, "username", value),
        password,
        pull: pull(decoder, &registry),
    };
    (registry, literal)
}

/// Reads `registry.pull`.
fn pull(decoder: &mut Decoder<'_>, registry: &Record<'_>) -> Option<Credentials> {
    let field = registry.get("pull")?;
    let pull = registry.section(decoder, "pull", &PULL_KEYS);
    for key in PULL_KEYS.map(|(key, _)| key) {
        if pull.get(key).is_none() {
            let message = format!("missing key `registry.pull.{key}`");
            decoder.error(field.key, message, "set both `username` and `password`");
        }
    }
    let username = pull.read(decoder, "username", value);
    let password = match pull.read(decoder, "password", value)? {
        Value::FromEnv(name) => Some(name),
        Value::Literal(_) => {
            let mark = pull.get("password").map_or(field.key, |field| field.key);
            let help = "set a variable in .env, and write its name in a list: `password: [NAME]`";
            decoder.error(mark, "registry password in plain text", help);
            None
        }
    };
    Some(Credentials {
        username: username?,
        password: password?,
    })
}

/// Reports a login that is not complete. A registry without a name is Docker Hub, which always needs one.
fn check_login(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>, registry: &Record<'_>) {
    let is_map = |field: &&Field<'_>| matches!(field.node.kind, Kind::Mapping(_) | Kind::Null);
    let Some(field) = field.filter(is_map) else {
        return;
    };
    let missing = match (registry.get("username"), registry.get("password")) {
        (Some(_), Some(_)) => return,
        (Some(_), None) => "key `registry.password`",
        (None, Some(_)) => "key `registry.username`",
        (None, None) if registry.get("server").is_some() => return,
        (None, None) => "keys `registry.username` and `registry.password`",
    };
    let help = "set both `username` and `password`; only a `server` without login needs neither";
    decoder.error(field.key, format!("missing {missing}"), help);
}

fn warn_password(decoder: &mut Decoder<'_>, key: Mark) {
    let help = format!(
        "it is used as the secret `{PASSWORD_SECRET}`; set that in .env or the environment instead, \
         and write `password: [{PASSWORD_SECRET}]`"
    );
    decoder.warn_secret(key, "registry password in plain text", help);
    decoder.refer(PASSWORD_SECRET, key);
}

fn server(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let server = decoder.filled(field)?;
    let help = if is_server(&server) {
        return Some(server);
    } else if server.contains("://") {
        "remove the scheme"
    } else if server.contains('/') {
        "set only the server here, and put the path before the name in `image`"
    } else {
        "use `host` or `host:port`"
    };
    decoder.invalid(field.node.mark, "registry server", &server, help)
}

/// Reads a literal, or a list with the name of one variable.
fn value(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Value> {
    let Kind::Sequence(_) = field.node.kind else {
        return decoder.filled(field).map(Value::Literal);
    };
    let items = decoder.items(field);
    let [item] = items.as_slice() else {
        let count = items.len();
        let message = format!("`{}` must name one variable, not {count}", field.path);
        let help = "write a list of one name, as in `[MRSK_REGISTRY_PASSWORD]`";
        decoder.error(field.key, message, help);
        return None;
    };
    let name = variable::decode(decoder, item)?;
    decoder.refer(&name, item.key);
    Some(Value::FromEnv(name))
}
