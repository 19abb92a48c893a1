//! Names of accessories' containers in the environment of roles: docker resolves them only in networks that both are in.

use super::decoder::{Decoder, Field, Record};
use super::model::{Accessory, Config, DockerOption, Env, Role};

/// Docker's own networks, in which it resolves no names.
const WITHOUT_NAMES: [&str; 4] = ["bridge", "default", "host", "none"];

/// The network of the containers that Traefik sends requests to.
const OF_TRAEFIK: &str = "mrsk";

/// Options of docker that give a container a name, or the names of others.
const NAMING: [&str; 2] = ["add-host", "link"];

/// Warns of clear variables with a name that a role cannot resolve. `root` is what `config` was read from.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Record<'_>, config: &Config) {
    let mut told = Vec::new();
    for role in &config.roles {
        let environments = role.host_env.values().chain([&role.env]);
        for (variable, value) in environments.flat_map(|Env { clear, .. }| clear) {
            for accessory in &config.accessories {
                let name = format!("{}-{}", config.service, accessory.name);
                if !is_named(value, &name) || resolves(role, accessory, &name) {
                    continue;
                }
                let Some(place) = place(root, role, variable) else {
                    continue;
                };
                if told.contains(&(place.key, &accessory.name)) {
                    continue;
                }
                told.push((place.key, &accessory.name));
                let message = format!(
                    "`{variable}` names the container `{name}`, which role `{}` cannot resolve",
                    role.name
                );
                let help = "docker resolves names in networks of your own alone: create one on each host (`docker network create \
                            NAME`; Kamal 2 has `kamal`), and set `options: {network: NAME}` for the role and for the accessory; \
                            or use the address of its host";
                decoder.warn(place.key, message, help);
            }
        }
    }
}

/// Returns whether a value has `name` as a word: as it is, or as the host of a URL.
fn is_named(value: &str, name: &str) -> bool {
    let is_other = |c: char| !(c.is_alphanumeric() || "._-".contains(c));
    value.split(is_other).any(|word| word == name)
}

/// Returns whether the containers of `role` find that of `accessory`.
fn resolves(role: &Role, accessory: &Accessory, name: &str) -> bool {
    let mut naming = role.options.iter().filter(|option| is(option, &NAMING));
    if naming.any(|option| text(option).contains(name)) {
        return true;
    }
    let own: Vec<&str> = networks(&role.options)
        .chain(role.traefik.then_some(OF_TRAEFIK))
        .collect();
    networks(&accessory.options).any(|network| own.contains(&network))
}

fn networks(options: &[DockerOption]) -> impl Iterator<Item = &str> {
    let options = options
        .iter()
        .filter(|option| is(option, &["network", "net"]));
    options
        .map(text)
        .filter(|network| !WITHOUT_NAMES.contains(network))
}

fn is(option: &DockerOption, names: &[&str]) -> bool {
    names.contains(&option.name.as_str())
}

fn text(option: &DockerOption) -> &str {
    option.value.as_deref().unwrap_or_default()
}

/// Returns where a variable of a role stands: the innermost place first.
fn place<'n>(root: &Record<'n>, role: &Role, variable: &str) -> Option<Field<'n>> {
    let global = root.get("env").cloned();
    let servers = root.get("servers").cloned();
    let own = servers.and_then(|servers| child(&servers, role.name.as_str()));
    let own = own.and_then(|role| child(&role, "env"));
    let tags = global.as_ref().and_then(|env| child(env, "tags"));
    let tags = tags.map(|tags| tags.children()).unwrap_or_default();
    let tags = tags.into_iter().map(|(_, tag)| tag);
    let mut environments = own.into_iter().chain(global).chain(tags);
    environments.find_map(|env| {
        let clear = child(&env, "clear");
        let clear = clear.and_then(|clear| child(&clear, variable));
        clear.or_else(|| child(&env, variable))
    })
}

fn child<'n>(field: &Field<'n>, key: &str) -> Option<Field<'n>> {
    let mut children = field.children().into_iter();
    children.find_map(|(name, child)| (name == key).then_some(child))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_word_of_a_value() {
        for value in ["shop-db", "shop-db:5432", "postgres://u:p@shop-db/x"] {
            assert!(is_named(value, "shop-db"), "{value}");
        }
        for value in ["", "my-shop-db", "shop-db.example.com", "shop-db-2"] {
            assert!(!is_named(value, "shop-db"), "{value}");
        }
    }
}
