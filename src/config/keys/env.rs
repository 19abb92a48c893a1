//! `env`: values that stand in the file, names of secrets, and how a role's are merged over the global ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field, suggestion};
use crate::config::model::Env;
use crate::config::node::Kind;
use crate::config::schema::{Property, described, list, map, nullable, text};
use crate::config::secret_lines::looks_secret;
use crate::config::values::texts::{MAX_ARGUMENT, TOO_LONG_HELP, argument_length, too_long};
use crate::config::values::variable::{self, CONTAINER_NAME};
use crate::name::SecretVariable;

pub(super) const KEY: Property = ("env", || {
    let mut env = schema("Environment of the containers of every role.");
    let tags = json!({
        "type": ["object", "null"],
        "additionalProperties": schema("Merged over the environment of hosts with this tag."),
        "description": "Environments of hosts that have these tags.",
    });
    // A text is a variable of this name.
    let kinds = json!({ "anyOf": [text("Value of the variable."), tags] });
    env["properties"][TAGS] = described("Environments of hosts that have these tags.", kinds);
    env
});

/// The key of environments by tag, which only the global `env` has.
const TAGS: &str = "tags";

/// Returns the schema of an environment: variables, with `clear` and `secret` among them.
pub(super) fn schema(description: &str) -> Value {
    let clear = variables("Not secret: the values are in the plan.");
    let mut env = variables(description);
    env["properties"] = json!({
        "clear": clear,
        "secret": list("Names of variables whose values are in .env or the environment.", &variable::secret_schema()),
    });
    env
}

fn variables(description: &str) -> Value {
    let mut map = map(
        description,
        "^[^=]+$",
        &nullable(text("Value of the variable.")),
    );
    map["propertyNames"]["not"] = json!({ "const": CONTAINER_NAME });
    map
}

/// The `env.tags`: the environment of each tag, by its name.
pub(super) type Tags = BTreeMap<String, EnvLayer>;

/// The environment of one level: global, a role's, or a tag's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EnvLayer {
    clear: BTreeMap<String, String>,
    /// The secret of each variable.
    secret: BTreeMap<String, String>,
}

impl EnvLayer {
    /// Merges `over` over this level, key by key: the value that stands there wins, whether clear or secret.
    pub(super) fn with(&self, over: &EnvLayer) -> Self {
        let (mut clear, mut secret) = (self.clear.clone(), self.secret.clone());
        secret.retain(|name, _| !over.clear.contains_key(name));
        clear.extend(over.clear.clone());
        clear.retain(|name, _| !over.secret.contains_key(name));
        secret.extend(over.secret.clone());
        Self { clear, secret }
    }

    /// Returns the environment of containers that have no other level.
    pub(super) fn to_env(&self) -> Env {
        Env {
            clear: self.clear.clone(),
            secret: self.secret.iter().map(variable_of).collect(),
        }
    }
}

/// Reads the global `env`, with its tags.
pub(super) fn global(decoder: &mut Decoder<'_>, field: &Field<'_>) -> (EnvLayer, Tags) {
    let children = field.children();
    let tags = children.iter().find(|(name, _)| *name == TAGS);
    let tags = tags.filter(|(_, child)| !matches!(child.node.kind, Kind::Scalar { .. }));
    let entries = tags.map(|(_, child)| decoder.entries(child));
    let mut read = Tags::new();
    for (name, child) in entries.into_iter().flatten() {
        let layer = layer(decoder, &child);
        read.insert(name.to_owned(), layer);
    }
    (read_layer(decoder, field, Level::Global), read)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The one that may have tags.
    Global,
    Other,
}

/// Reads an `env`: `clear` and `secret`, with plain variables beside them or alone.
pub(super) fn layer(decoder: &mut Decoder<'_>, field: &Field<'_>) -> EnvLayer {
    read_layer(decoder, field, Level::Other)
}

fn read_layer(decoder: &mut Decoder<'_>, field: &Field<'_>, level: Level) -> EnvLayer {
    let mut layer = EnvLayer::default();
    let mut secrets = Vec::new();
    for (name, child) in decoder.entries(field) {
        match name {
            "clear" => {
                for (name, child) in decoder.entries(&child) {
                    variable(decoder, &mut layer, name, &child);
                }
            }
            "secret" => secrets = decoder.items(&child),
            TAGS if !matches!(child.node.kind, Kind::Scalar { .. }) => {
                if level == Level::Other {
                    let message = format!(
                        "`{}` is not allowed: tags belong to the global `env`",
                        child.path
                    );
                    let help = "define tags in `env.tags` at the top level";
                    decoder.error(child.key, message, help);
                }
            }
            _ => match (suggestion(name, &["clear", "secret"]), &child.node.kind) {
                // No variable has a list or a map.
                (Some(_), Kind::Sequence(_) | Kind::Mapping(_)) => {
                    decoder.unknown_key(&child, name, &["clear", "secret"]);
                }
                _ => variable(decoder, &mut layer, name, &child),
            },
        }
    }
    for item in &secrets {
        let Some(SecretVariable { name, secret }) = variable::decode_secret(decoder, item) else {
            continue;
        };
        if layer.clear.contains_key(&name) {
            let message = format!("variable `{name}` is both clear and secret");
            decoder.error(item.key, message, "keep one of them");
            continue;
        }
        decoder.refer(&secret, item.key);
        match layer.secret.get(&name) {
            Some(other) if *other != secret => {
                let message = format!("secret variable `{name}` has two values");
                decoder.error(item.key, message, "keep one of them");
            }
            Some(_) => {
                let message = format!("duplicate secret `{name}`");
                decoder.warn(item.key, message, "remove one of them");
            }
            None => drop(layer.secret.insert(name, secret)),
        }
    }
    layer
}

fn variable_of((name, secret): (&String, &String)) -> SecretVariable {
    SecretVariable {
        name: name.clone(),
        secret: secret.clone(),
    }
}

fn variable(decoder: &mut Decoder<'_>, layer: &mut EnvLayer, name: &str, field: &Field<'_>) {
    if name.is_empty() || name.contains(['=', '\0']) {
        let help = "a name must not be empty or contain `=` or NUL";
        decoder.invalid::<()>(field.key, "variable name", &field.path, help);
        return;
    }
    if name == CONTAINER_NAME {
        let message = format!("variable `{name}` is reserved");
        decoder.error(field.key, message, "mrsk sets it: choose another name");
        return;
    }
    let value = match field.is_null() {
        true => Some(String::new()),
        false => decoder.text(field),
    };
    let Some(value) = value else { return };
    if argument_length(name, &value) > MAX_ARGUMENT {
        decoder.error(field.key, too_long("variable", name), TOO_LONG_HELP);
        return;
    }
    if looks_secret(name, &value) {
        let message = format!("clear variable `{name}` looks like a secret");
        let help =
            format!("list `{name}` under `secret`, and set its value in .env or the environment");
        decoder.warn_secret(field.key, message, help);
    }
    if layer.clear.insert(name.to_owned(), value).is_some() {
        let message = format!("duplicate variable `{name}`: under `clear` and directly in `env`");
        decoder.error(field.key, message, "keep one of them");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(clear: &[(&str, &str)], secret: &[&str]) -> EnvLayer {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        EnvLayer {
            clear: clear.iter().map(pair).collect(),
            secret: secret
                .iter()
                .map(|text| SecretVariable::parse(text))
                .map(|variable| (variable.name, variable.secret))
                .collect(),
        }
    }

    #[test]
    fn roles_win_key_by_key_in_any_mix() {
        let nothing = layer(&[], &[]);
        let global = layer(&[("A", "1"), ("B", "1")], &["S", "T"]);
        let cases = [
            (
                &nothing,
                layer(&[("A", "2")], &["S"]),
                layer(&[("A", "2")], &["S"]),
            ),
            (
                &global,
                layer(&[], &[]),
                layer(&[("A", "1"), ("B", "1")], &["S", "T"]),
            ),
            (
                &global,
                layer(&[("A", "2")], &[]),
                layer(&[("A", "2"), ("B", "1")], &["S", "T"]),
            ),
            (
                &global,
                layer(&[], &["A"]),
                layer(&[("B", "1")], &["A", "S", "T"]),
            ),
            (
                &global,
                layer(&[("S", "x")], &[]),
                layer(&[("A", "1"), ("B", "1"), ("S", "x")], &["T"]),
            ),
            (
                &global,
                layer(&[("A", "")], &["U"]),
                layer(&[("A", ""), ("B", "1")], &["S", "T", "U"]),
            ),
            (
                &global,
                layer(&[("T", "x")], &["S:U", "A:S"]),
                layer(&[("B", "1"), ("T", "x")], &["A:S", "S:U"]),
            ),
        ];
        for (under, over, expected) in cases {
            let merged = under.with(&over).to_env();
            assert_eq!(merged.clear, expected.clear, "{over:?}");
            assert_eq!(merged.secret, expected.to_env().secret, "{over:?}");
        }
    }
}
