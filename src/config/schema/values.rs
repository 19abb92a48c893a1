//! Schemas of the kinds of values that a configuration has.

use serde_json::{Map, Value, json};

use crate::config::env::{CONTAINER_NAME, REDIRECTING, REDIRECTING_PREFIXES};
use crate::config::options::{FLAGS, OWN, OWN_LABELS};

/// A key, and the schema of its value.
pub(super) type Property = (&'static str, Value);

/// `[user@]host[:port]`.
pub(super) const HOST: &str = "^(?!-)(?!.*://)[^\\s]+$";

/// A host.
pub(super) fn host() -> Value {
    json!({ "type": "string", "pattern": HOST, "description": "`host`, `user@host`, `host:port` or `user@host:port`." })
}

/// A list of hosts that is not empty.
pub(super) fn hosts(description: &str) -> Value {
    json!({ "type": "array", "items": host(), "minItems": 1, "uniqueItems": true, "description": description })
}

/// The name of a variable of the environment.
pub(super) fn name_of_variable() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
}

/// The name of a variable that `sh` exports to docker's command line.
pub(super) fn exported_name() -> Value {
    let prefixes = format!("^({})", REDIRECTING_PREFIXES.join("|"));
    let redirecting = json!({ "anyOf": [
        { "enum": REDIRECTING },
        { "const": CONTAINER_NAME },
        { "pattern": prefixes },
    ] });
    let mut name = name_of_variable();
    name["not"] = redirecting;
    name
}

/// An environment: variables, with `clear` and `secret` among them.
pub(super) fn env(description: &str) -> Value {
    let value = nullable(text("Value."));
    let secret = described(
        "Name of a variable of .env or the environment.",
        exported_name(),
    );
    let clear = variables(
        "Values that everybody may see: they stand in the plan.",
        &value,
    );
    let mut env = variables(description, &value);
    env["properties"] = json!({
        "clear": clear,
        "secret": list("Names of variables whose values are in .env or the environment.", &secret),
    });
    env
}

/// Variables with their values.
pub(super) fn variables(description: &str, value: &Value) -> Value {
    let mut map = map(description, "^[^=]+$", value);
    map["propertyNames"]["not"] = json!({ "const": CONTAINER_NAME });
    map
}

/// Labels but those that mrsk sets itself.
pub(super) fn labels(description: &str) -> Value {
    let mut labels = map(description, "^[^=\\s]+$", &text("Value."));
    labels["propertyNames"]["not"] =
        json!({ "anyOf": [{ "enum": OWN_LABELS }, { "pattern": "^mrsk\\." }] });
    labels
}

/// Options of `docker create`: `true` is for flags alone.
pub(super) fn options(description: &str) -> Value {
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

/// A reference of an image.
pub(super) fn reference(description: &str) -> Value {
    matching(description, "^(?!.*://)[A-Za-z0-9][^\\s]*$")
}

/// A port, in quotes or without.
pub(super) fn port(description: &str) -> Value {
    let mut port = number(description, 1);
    port["anyOf"][0]["maximum"] = json!(65535);
    port["anyOf"][1]["pattern"] = json!("^[1-9][0-9]{0,4}$");
    port
}

/// A whole number of at least `minimum`, in quotes or without.
pub(super) fn number(description: &str, minimum: u32) -> Value {
    described(
        description,
        json!({ "anyOf": [
            { "type": "integer", "minimum": minimum, "maximum": u32::MAX },
            { "type": "string", "pattern": "^(0|[1-9][0-9]{0,9})$" },
        ] }),
    )
}

/// Text, which may be empty.
pub(super) fn text(description: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": description })
}

/// Text that is not empty.
pub(super) fn filled(description: &str) -> Value {
    matching(description, "[^\\s]")
}

/// Text that matches `pattern`.
pub(super) fn matching(description: &str, pattern: &str) -> Value {
    let mut text = text(description);
    text["pattern"] = json!(pattern);
    text
}

/// A list of text that is not empty.
pub(super) fn texts(description: &str) -> Value {
    list(description, &filled("Value."))
}

/// A list; nothing is an empty one.
pub(super) fn list(description: &str, items: &Value) -> Value {
    json!({ "type": ["array", "null"], "items": items, "description": description })
}

/// A map whose keys are free; nothing is an empty one.
pub(super) fn map(description: &str, names: &str, values: &Value) -> Value {
    json!({
        "type": ["object", "null"],
        "propertyNames": { "pattern": names },
        "additionalProperties": values,
        "description": description,
    })
}

/// A map whose keys are known; nothing is an empty one.
pub(super) fn record(description: &str, properties: impl IntoIterator<Item = Property>) -> Value {
    let properties: Map<String, Value> = properties
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
        "description": description,
    })
}

/// `schema`, or nothing.
pub(super) fn nullable(mut schema: Value) -> Value {
    schema["type"] = match schema["type"].take() {
        Value::Array(mut types) => {
            types.push(json!("null"));
            Value::Array(types)
        }
        one => json!([one, "null"]),
    };
    schema
}

/// `schema` with a description.
pub(super) fn described(description: &str, mut schema: Value) -> Value {
    schema["description"] = json!(description);
    schema
}

/// `schema` with a default.
pub(super) fn with_default(mut schema: Value, default: impl Into<Value>) -> Value {
    schema["default"] = default.into();
    schema
}
