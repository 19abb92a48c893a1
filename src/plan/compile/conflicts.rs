//! What a new container needs of its host and cannot have: a port or an address that another container still holds, a network that
//! does not exist.

use std::collections::BTreeSet;

use super::begin::by_host;
use super::{Draft, HostView, Placement};
use crate::config::PortMapping;
use crate::config::model::DockerOption;
use crate::diagnostic::Diagnostic;
use crate::docker::names::{self, NETWORK};
use crate::plan::compile::proxy::facts::stays;

/// Networks that every engine has.
const BUILT_IN: [&str; 4] = ["bridge", "default", "host", "none"];

/// Options whose value only one container of a host can have.
const ADDRESSES: [&str; 3] = ["ip", "ip6", "mac-address"];

/// Refuses what docker would refuse when it creates or starts a container, after the image was built, pushed and pulled.
pub fn run(draft: &mut Draft) {
    let placements = draft.placements.clone();
    let by_host = by_host(&placements);
    for host in draft.hosts.clone() {
        let here = by_host.get(host.name()).into_iter().flatten();
        for placement in here.filter(|placement| placement.is_replaced()) {
            let owner = format!("role {}", placement.role.name);
            networks(draft, &host, &owner, &placement.role.options);
            held(draft, &host, placement);
        }
        let config = draft.config;
        for accessory in &config.accessories {
            let name = names::accessory(config, accessory);
            let is_new = !host.facts.containers.contains_key(&name);
            if is_new && accessory.hosts.contains(host.name()) && draft.operation.boots(accessory) {
                let owner = format!("accessory {}", accessory.name);
                networks(draft, &host, &owner, &accessory.options);
            }
        }
        if host.traefik && draft.operation.deploys() && !stays(host.facts) {
            networks(draft, &host, "Traefik", &config.traefik.options);
        }
    }
}

/// Reports the networks of `options` that are not there. mrsk's own is made if a role has Traefik.
fn networks(draft: &mut Draft, host: &HostView, owner: &str, options: &[DockerOption]) {
    for network in options.iter().filter_map(network_of) {
        let exists = BUILT_IN.contains(&network)
            || network.starts_with("container:")
            || host.facts.networks.contains(network)
            || network == NETWORK && host.traefik;
        if exists {
            continue;
        }
        let name = host.name();
        if host.facts.docker.answers {
            let message =
                format!("host {name}: network `{network}` of {owner} does not exist there");
            let help =
                format!("create it on the host: `docker network create {network}`, or remove it");
            draft.refuse(Diagnostic::error(message).help(help));
        } else {
            draft.warn(format!(
                "host {name}: {owner} needs network `{network}`, which mrsk does not create; create it \
                 once Docker is installed: `docker network create {network}`"
            ));
        }
    }
}

/// Returns the network that an option names.
fn network_of(option: &DockerOption) -> Option<&str> {
    if !["network", "net"].contains(&option.name.as_str()) {
        return None;
    }
    let value = option.value.as_deref()?;
    if !value.contains('=') {
        return Some(value);
    }
    let mut words = value.split(',');
    words.find_map(|word| word.strip_prefix("name="))
}

/// Returns the address that the value of a network asks for: `name=private,ip=192.0.2.9`.
fn address_in(network: &str) -> Option<&str> {
    let mut words = network.split(',').filter_map(|word| word.split_once('='));
    let found = words.find(|(name, _)| ADDRESSES.contains(name));
    found.map(|(_, address)| address)
}

/// Refuses what a container of the role holds that runs until the new one does, and what somebody else holds.
fn held(draft: &mut Draft, host: &HostView, placement: &Placement) {
    let role = &placement.role.name;
    let old: BTreeSet<&String> = placement.old.iter().chain([&placement.name]).collect();
    let running: Vec<&String> = old
        .into_iter()
        .filter(|name| {
            let container = host.facts.containers.get(*name);
            container.is_some_and(|container| container.state.is_up())
        })
        .collect();
    for option in &placement.role.options {
        let Some(value) = option.value.as_deref() else {
            continue;
        };
        let name = option.name.as_str();
        let what = match name {
            "publish" => format!("port {value}"),
            "network" | "net" if address_in(value).is_some() => {
                format!("address {}", address_in(value).unwrap_or_default())
            }
            _ if ADDRESSES.contains(&name) => format!("address {value}"),
            "network" | "net" if value == "host" => {
                host_network(draft, host, placement, &running);
                continue;
            }
            _ => continue,
        };
        match holder(host, name, value, &running) {
            Holder::Nobody => {}
            Holder::Old(old) => refuse_old(draft, host, placement, (&what, &old)),
            Holder::Other(port) => {
                let owner = format!("role {role}");
                let remedy = format!("change `servers: {{{role}: {{options: {{publish: …}}}}}}`");
                draft.check_port(host, port, (&owner, &placement.name), &remedy);
            }
        }
    }
}

/// Who has what a new container wants.
enum Holder {
    Nobody,
    /// A running container of its role.
    Old(String),
    /// Another one has this port.
    Other(u16),
}

fn holder(host: &HostView, option: &str, value: &str, running: &[&String]) -> Holder {
    let first = || match running.first() {
        Some(name) => Holder::Old((*name).clone()),
        None => Holder::Nobody,
    };
    if option != "publish" {
        return first();
    }
    let Some(mapping) = PortMapping::parse(value) else {
        return Holder::Nobody;
    };
    if !mapping.is_fixed() {
        return Holder::Nobody;
    }
    let Some(port) = mapping.host_port() else {
        // Only single TCP ports are asked for; what the old container was started with is most likely the same.
        return first();
    };
    match host.facts.ports.get(&port.to_string()) {
        None => Holder::Nobody,
        Some(taken) => {
            let container = taken.holder.strip_prefix("container ");
            let old = running.iter().find(|name| container == Some(name.as_str()));
            old.map_or(Holder::Other(port), |name| Holder::Old((*name).clone()))
        }
    }
}

fn refuse_old(
    draft: &mut Draft,
    host: &HostView,
    placement: &Placement,
    (what, old): (&str, &str),
) {
    let (name, role) = (host.name(), &placement.role.name);
    let message = format!(
        "host {name}: {what} of role {role} is held by {old}, which runs until the new container is ready"
    );
    let other_way = match placement.role.traefik {
        true => "remove the option: Traefik reaches containers over a network of its own",
        false => {
            "let Traefik route requests to the role (`traefik: true`) and remove the option, to deploy without a gap"
        }
    };
    let help = format!(
        "stop it first (`docker stop {old}` on the host; it is gone until the deploy has ended), or \
         {other_way}"
    );
    draft.refuse(Diagnostic::error(message).help(help));
}

fn host_network(draft: &mut Draft, host: &HostView, placement: &Placement, running: &[&String]) {
    if let Some(old) = running.first() {
        draft.warn(format!(
            "host {}: role {} uses the host's network: if it listens on a port, the new container cannot \
             while {old} runs",
            host.name(),
            placement.role.name
        ));
    }
}

#[cfg(test)]
#[path = "conflicts_tests.rs"]
mod tests;
