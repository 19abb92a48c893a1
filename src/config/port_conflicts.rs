//! Ports that are published on hosts: no two containers of a host can have the same one.

use super::decoder::{Decoder, Field};
use super::model::Config;
use super::node::{Kind, Mark, Node};
use super::values::port::PortMapping;
use crate::name::HostName;

/// Reports accessories that publish a port which Traefik or another one has on the same host. `field` is what the
/// accessories of `config` were read from.
pub(super) fn check(decoder: &mut Decoder<'_>, field: &Field<'_>, config: &Config) {
    let mut earlier = vec![(traefik(config), None)];
    for accessory in &config.accessories {
        let (Some(mapping), Some(mark)) = (&accessory.publish, mark(field, &accessory.name)) else {
            continue;
        };
        let claim = Claim {
            who: format!("accessory `{}`", accessory.name),
            hosts: accessory.hosts.iter().collect(),
            mapping: mapping.clone(),
        };
        let mut conflicts = earlier
            .iter()
            .filter_map(|(other, place): &(Claim<'_>, _)| {
                Some((&other.who, *place, claim.conflict(other)?))
            });
        if let Some((other, place, host)) = conflicts.next() {
            let place = place.map_or(String::new(), |place| {
                format!(" ({})", decoder.seen_from(mark, &decoder.place(place)))
            });
            let both = format!("{} and {other}{place}", claim.who);
            let message = format!("port conflict on host `{host}`: {both} publish the same port");
            let help = "use another host port, such as `13306:3306`, or another address, such as \
                        `127.0.0.1:3306:3306`";
            decoder.error(mark, message, help);
        }
        earlier.push((claim, Some(mark)));
    }
}

/// Who publishes what, where.
struct Claim<'c> {
    who: String,
    hosts: Vec<&'c HostName>,
    mapping: PortMapping,
}

impl<'c> Claim<'c> {
    /// Returns a host on which both cannot be had.
    fn conflict(&self, other: &Claim<'_>) -> Option<&'c HostName> {
        let mut hosts = self.hosts.iter().copied();
        let shared = hosts.find(|host| other.hosts.contains(host))?;
        self.mapping.conflicts(&other.mapping).then_some(shared)
    }
}

fn traefik(config: &Config) -> Claim<'_> {
    let roles = config.roles.iter().filter(|role| role.traefik);
    Claim {
        who: "Traefik".to_owned(),
        hosts: roles.flat_map(|role| &role.hosts).collect(),
        mapping: PortMapping::of_host(config.traefik.host_port),
    }
}

/// Returns where the `port` of the accessory `name` stands.
fn mark(field: &Field<'_>, name: &str) -> Option<Mark> {
    let accessory = value(&field.node.kind, name)?;
    Some(value(&accessory.kind, "port")?.mark)
}

fn value<'n>(kind: &'n Kind, name: &str) -> Option<&'n Node> {
    let Kind::Mapping(entries) = kind else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key.text == name)?;
    Some(&entry.value)
}
