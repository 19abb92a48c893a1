//! The resolved configuration as text, with secrets as names. The same configuration always gives the same bytes.

use serde_json::{Value as Json, json};

use super::model::{Config, Value};
use super::parse::{Loaded, defaults};
use crate::name::Sha256Hex;

/// Returns the configuration as JSON, with secrets as `{"from_env": NAME}` or in lists of names, in the
/// model's order.
pub fn to_json(config: &Config) -> Json {
    let mut json = serde_json::to_value(config).unwrap_or(Json::Null);
    if let Some(registry) = json.get_mut("registry").and_then(Json::as_object_mut) {
        let username = config.registry.username.as_ref().map_or(Json::Null, value);
        registry.insert("username".to_owned(), username);
        if let Some(name) = &config.registry.password {
            registry.insert("password".to_owned(), json!({ "from_env": name }));
        }
        if let Some(pull) = &config.registry.pull {
            let (username, password) = (value(&pull.username), &pull.password);
            let pull = json!({ "username": username, "password": { "from_env": password } });
            registry.insert("pull".to_owned(), pull);
        }
    }
    if let (Some(path), Some(fields)) = (&config.secrets_files.path, json.as_object_mut()) {
        fields.insert("secrets_path".to_owned(), json!(path));
    }
    json
}

fn value(value: &Value) -> Json {
    match value {
        Value::Literal(text) => json!(text),
        Value::FromEnv(name) => json!({ "from_env": name }),
    }
}

/// Returns a document as YAML.
pub fn yaml(json: &Json) -> String {
    serde_yaml::to_string(json).unwrap_or_default()
}

/// Returns the configuration as [`to_json`] does, with what keys of other tools became.
pub fn with_translations(loaded: &Loaded) -> Json {
    let mut json = to_json(&loaded.config);
    if let Some(fields) = json
        .as_object_mut()
        .filter(|_| !loaded.translated.is_empty())
    {
        fields.insert("translated".to_owned(), json!(loaded.translated));
    }
    json
}

/// Returns the configuration as [`to_json`] does, without its path and without every value that is
/// equal to its default.
pub fn to_changed_json(config: &Config) -> Json {
    let default = to_json(&defaults());
    let mut json = changed(to_json(config), &default, |value, default| {
        match (value, default.as_array().map(Vec::as_slice)) {
            (Json::Array(items), Some([default])) => {
                let items = items.into_iter();
                items
                    .map(|item| changed(item, default, |value, _| value))
                    .collect()
            }
            (value, _) => changed(value, default, |value, _| value),
        }
    });
    if let Some(fields) = json.as_object_mut() {
        fields.shift_remove("path");
    }
    json
}

/// Returns the fields of `json` that differ from those of `default`, each as `inner` has it. What is
/// not a map stays as it is.
fn changed(json: Json, default: &Json, inner: fn(Json, &Json) -> Json) -> Json {
    match (json, default) {
        (Json::Object(fields), Json::Object(defaults)) => fields
            .into_iter()
            .filter_map(|(name, value)| match defaults.get(&name) {
                Some(default) if *default == value => None,
                Some(default) => Some((name, inner(value, default))),
                None => Some((name, value)),
            })
            .collect(),
        (json, _) => json,
    }
}

/// Returns the SHA-256 of [`to_changed_json`] with sorted keys and without blanks. A key that is new
/// and has its default changes nothing.
pub fn fingerprint(config: &Config) -> Sha256Hex {
    let mut json = to_changed_json(config);
    json.sort_all_objects();
    Sha256Hex::of(json.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const FILE: &str = "\
service: shop
image: acme/shop
servers: {web: {hosts: [192.0.2.1], cmd: bin/web}}
registry: {server: registry.example.com}
accessories: {db: {image: 'mysql:8', host: 192.0.2.1}}
";

    fn config(more: &str) -> Config {
        parse("deploy.yml", &format!("{FILE}{more}"), None)
            .unwrap()
            .config
    }

    #[test]
    fn only_what_differs_from_its_default_is_part_of_the_fingerprint() {
        let expected = json!({
            "service": "shop",
            "image": "acme/shop",
            "hosts": [{ "name": "192.0.2.1", "user": "root", "port": null }],
            "roles": [
                { "name": "web", "hosts": ["192.0.2.1"], "cmd": ["bin/web"], "traefik": true },
            ],
            "registry": { "server": "registry.example.com" },
            "accessories": [{ "name": "db", "image": "mysql:8", "hosts": ["192.0.2.1"] }],
        });
        assert_eq!(to_changed_json(&config("")), expected);
    }

    #[test]
    fn a_key_that_has_its_default_does_not_change_the_fingerprint() {
        let without = fingerprint(&config(""));
        for (key, same) in [
            ("drain_timeout: 30", true),
            ("drain_timeout: 31", false),
            ("healthcheck: {path: /up, port: 3000}", true),
            ("healthcheck: {port: 3001}", false),
            ("logging: {options: {max-size: 10m}}", true),
            ("logging: {options: {max-size: 10m, max-file: 3}}", false),
            ("labels: {a: b}", false),
        ] {
            assert_eq!(fingerprint(&config(key)) == without, same, "{key}");
        }
        let one = fingerprint(&config("logging: {options: {max-size: 10m, max-file: 3}}"));
        let other = fingerprint(&config("logging: {options: {max-file: 3}}"));
        assert_ne!(one, other);
    }
}
