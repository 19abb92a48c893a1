//! Ports that are published on hosts: no two containers of a host can have the same one.

use std::collections::BTreeSet;

use super::decoder::{Decoder, Record};
use super::model::{Config, DockerOption};
use super::node::{Kind, Mark, Node};
use super::values::port::PortMapping;
use crate::name::HostName;

/// Reports accessories and roles that publish a port which Traefik or another one has on the same host. `root` is what `config`
/// was read from.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Record<'_>, config: &Config) {
    let mut earlier: Vec<Claim<'_>> = traefik(config);
    let claims = roles(root, config).chain(accessories(root, config));
    for claim in claims {
        let conflict = earlier
            .iter()
            .find_map(|other| Some((other, claim.conflict(other)?)));
        if let (Some((other, host)), Some(mark)) = (conflict, claim.mark) {
            let place = other.mark.map_or(String::new(), |place| {
                format!(" ({})", decoder.seen_from(mark, &decoder.place(place)))
            });
            let both = format!("{} and {}{place}", claim.who, other.who);
            let message = format!("port conflict on host `{host}`: {both} publish the same port");
            let help = "use another host port, such as `13306:3306`, or another address, such as \
                        `127.0.0.1:3306:3306`";
            decoder.error(mark, message, help);
        }
        earlier.push(claim);
    }
}

/// Who publishes what, where.
struct Claim<'c> {
    who: String,
    hosts: Vec<&'c HostName>,
    mapping: PortMapping,
    /// Where the file says so.
    mark: Option<Mark>,
}

impl<'c> Claim<'c> {
    /// Returns a host on which both cannot be had.
    fn conflict(&self, other: &Claim<'_>) -> Option<&'c HostName> {
        if !self.mapping.conflicts(&other.mapping) {
            return None;
        }
        let others: BTreeSet<&HostName> = other.hosts.iter().copied().collect();
        let mut hosts = self.hosts.iter().copied();
        hosts.find(|host| others.contains(host))
    }
}

fn traefik(config: &Config) -> Vec<Claim<'_>> {
    let roles = config.roles.iter().filter(|role| role.traefik);
    let hosts: Vec<&HostName> = roles.flat_map(|role| &role.hosts).collect();
    let own = PortMapping::of_host(config.traefik.host_port);
    let own = config.traefik.publish.then_some(own);
    let mappings = own.into_iter().chain(published(&config.traefik.options));
    let claims = mappings.map(|mapping| Claim {
        who: "Traefik".to_owned(),
        hosts: hosts.clone(),
        mapping,
        mark: None,
    });
    claims.collect()
}

fn roles<'c>(root: &Record<'c>, config: &'c Config) -> impl Iterator<Item = Claim<'c>> {
    let servers = root.get("servers").map(|field| field.node);
    config.roles.iter().flat_map(move |role| {
        let place = ["options", "publish"];
        let mark = servers.and_then(|servers| mark(servers, role.name.as_str(), &place));
        published(&role.options).map(move |mapping| Claim {
            who: format!("role `{}`", role.name),
            hosts: role.hosts.iter().collect(),
            mapping,
            mark,
        })
    })
}

fn accessories<'c>(root: &Record<'c>, config: &'c Config) -> impl Iterator<Item = Claim<'c>> {
    let all = root.get("accessories").map(|field| field.node);
    config.accessories.iter().filter_map(move |accessory| {
        let mark = all.and_then(|all| mark(all, &accessory.name, &["port"]));
        Some(Claim {
            who: format!("accessory `{}`", accessory.name),
            hosts: accessory.hosts.iter().collect(),
            mapping: accessory.publish.clone()?,
            mark,
        })
    })
}

/// Returns what options publish.
fn published(options: &[DockerOption]) -> impl Iterator<Item = PortMapping> {
    let options = options.iter().filter(|option| option.name == "publish");
    options.filter_map(|option| PortMapping::parse(option.value.as_deref()?))
}

/// Returns where `keys` of the entry `name` stand.
fn mark(entries: &Node, name: &str, keys: &[&str]) -> Option<Mark> {
    let mut node = value(&entries.kind, name)?;
    for key in keys {
        node = value(&node.kind, key)?;
    }
    Some(node.mark)
}

fn value<'n>(kind: &'n Kind, name: &str) -> Option<&'n Node> {
    let Kind::Mapping(entries) = kind else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key.text == name)?;
    Some(&entry.value)
}
