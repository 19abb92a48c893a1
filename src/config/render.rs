//! The resolved configuration as text, with secrets as names. The same configuration always gives the same bytes.

use serde_json::{Map, Value as Json, json};

use super::model::{Config, Value};
use crate::name::Sha256Hex;

/// Returns the configuration as JSON, with secrets as `{"from_env": NAME}` or in lists of names, in the model's order.
pub fn to_json(config: &Config) -> Json {
    let mut json = serde_json::to_value(config).unwrap_or(Json::Null);
    if let Some(registry) = json.get_mut("registry").and_then(Json::as_object_mut) {
        let username = match &config.registry.username {
            None => Json::Null,
            Some(Value::Literal(text)) => json!(text),
            Some(Value::FromEnv(name)) => json!({ "from_env": name }),
        };
        registry.insert("username".to_owned(), username);
        if let Some(name) = &config.registry.password {
            registry.insert("password".to_owned(), json!({ "from_env": name }));
        }
    }
    json
}

/// Returns the configuration as YAML, as [`to_json`] has it.
pub fn to_yaml(config: &Config) -> String {
    serde_yaml::to_string(&to_json(config)).unwrap_or_default()
}

/// Returns the SHA-256 of the configuration as JSON with sorted keys and without blanks, leaving out its path.
pub fn fingerprint(config: &Config) -> Sha256Hex {
    let mut json = to_json(config);
    if let Some(fields) = json.as_object_mut() {
        fields.shift_remove("path");
    }
    Sha256Hex::of(sorted(json).to_string().as_bytes())
}

fn sorted(json: Json) -> Json {
    match json {
        Json::Object(fields) => {
            let mut fields: Vec<(String, Json)> = fields.into_iter().collect();
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Json::Object(fields.collect::<Map<String, Json>>())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
