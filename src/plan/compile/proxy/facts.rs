//! What the facts say of a host's Traefik, what of it decides, and which Traefik is wanted.

use crate::config::model::Config;
use crate::docker::container::{self, Create};
use crate::docker::names::{LABEL_SERVICE, NETWORK, TRAEFIK};
use crate::facts::model::{ContainerFacts, HostFacts, TraefikFacts};
use crate::plan::compile::placement::serves;
use crate::plan::compile::{Draft, HostView};
use crate::traefik;

/// Returns whether the Traefik that runs on a host is the one that will route there.
pub fn stays(facts: &HostFacts) -> bool {
    facts.traefik.as_ref().is_some_and(can_switch)
}

/// Returns whether a running Traefik watches routing files, and can prove that it has loaded one.
fn can_switch(running: &TraefikFacts) -> bool {
    let probe = format!("--entrypoints.{}.address=", traefik::PROBE_ENTRYPOINT);
    let proves = running
        .args
        .iter()
        .any(|arg| arg.to_lowercase().starts_with(&probe));
    !running.directory.is_empty() && proves
}

/// Returns whether Traefik is in mrsk's network.
pub fn is_connected(host: &HostView) -> bool {
    let container = host.facts.containers.get(TRAEFIK);
    container.is_some_and(|container| container.networks.contains_key(NETWORK))
}

/// Returns whether Traefik's Docker provider sends requests to `container` beside any routing file:
/// mrsk's own are left out.
pub fn is_served_by_labels(container: &ContainerFacts) -> bool {
    !container.labels.contains_key(LABEL_SERVICE)
}

/// Returns whether requests reach `container` by the routing file at `path`, or since Traefik reads its labels.
pub fn is_routed(host: &HostFacts, path: &str, container: &ContainerFacts) -> bool {
    let routes = |(label, value): (&String, &String)| {
        label.starts_with("traefik.") && !(label == "traefik.enable" && value == "false")
    };
    let by_labels = is_served_by_labels(container) && container.labels.iter().any(routes);
    container.state.is_up() && (by_labels || serves(host, path, container))
}

/// Returns the networks by which the Traefik that is replaced reaches containers of others, and
/// that the new one would not join.
pub fn foreign_networks<'a>(config: &Config, facts: &'a HostFacts) -> Vec<&'a str> {
    let existing = facts.containers.get(TRAEFIK);
    let joins = |network: &str| {
        let mut options = config.traefik.options.iter();
        options.any(|option| {
            let mut words = option.value.iter().flat_map(|value| value.split(','));
            option.name == "network"
                && words.any(|word| word.strip_prefix("name=").unwrap_or(word) == network)
        })
    };
    existing
        .into_iter()
        .flat_map(|container| container.networks.keys())
        .filter(|network| facts.networks.contains(*network))
        .map(String::as_str)
        .filter(|network| !["bridge", "host", "none", NETWORK].contains(network) && !joins(network))
        .collect()
}

/// Returns the command line of the Traefik that will route on a host: of the one that stays, else
/// of the one that `config` starts. Empty if the configuration's arguments are refused.
pub fn command_line(config: &Config, facts: &HostFacts) -> Vec<String> {
    match &facts.traefik {
        Some(running) if can_switch(running) => running.args.clone(),
        _ => traefik::command_line(&user_arguments(config)).unwrap_or_default(),
    }
}

/// Returns the arguments that the configuration gives to Traefik.
fn user_arguments(config: &Config) -> Vec<(String, Option<String>)> {
    let args = config.traefik.args.iter();
    Vec::from_iter(args.map(|arg| (arg.name.clone(), arg.value.clone())))
}

/// Returns the command line of the Traefik to be started, or notes why there is none.
pub fn arguments(draft: &mut Draft) -> Option<Vec<String>> {
    traefik::command_line(&user_arguments(draft.config))
        .map_err(|errors| draft.refuse_labels("traefik argument", errors))
        .ok()
}

/// Returns the command that creates the container of that Traefik on `host`.
pub fn create(draft: &Draft, host: &HostView, args: &[String]) -> Create {
    let facts = host.facts;
    let routes = &facts.routing_directory;
    container::create_traefik(draft.config, args, routes, traefik::ROUTES_DIR, &facts.home)
}
