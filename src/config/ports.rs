//! Ports that are published on hosts: no two containers of a host can have the same one.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::decode::{Decoder, Field, parse_port};
use super::model::Config;
use super::node::{Kind, Mark, Node};
use crate::name::HostName;

/// Reports accessories that publish a port which Traefik or another one has on the same host. `field` is what the accessories
/// of `config` were read from.
pub(super) fn check(decoder: &mut Decoder<'_>, field: &Field<'_>, config: &Config) {
    let mut earlier = vec![(traefik(config), None)];
    for accessory in &config.accessories {
        let published = accessory.publish.as_deref().and_then(Published::parse);
        let (Some(published), Some(mark)) = (published, mark(field, &accessory.name)) else {
            continue;
        };
        let claim = Claim {
            who: format!("accessory `{}`", accessory.name),
            hosts: accessory.hosts.iter().collect(),
            published,
        };
        let clash = earlier
            .iter()
            .find_map(|(other, place)| Some((other, *place, claim.clash(other)?)));
        if let Some((other, place, host)) = clash {
            let place = place.map_or(String::new(), |place| {
                format!(" ({})", decoder.seen_from(mark, &decoder.place(place)))
            });
            let message = format!(
                "port conflict on host `{host}`: accessory `{}` and {}{place} publish the same port",
                accessory.name, other.who
            );
            let help = "use another host port, such as `13306:3306`, or another address, such as `127.0.0.1:3306:3306`";
            decoder.error(mark, message, help);
        }
        earlier.push((claim, Some(mark)));
    }
}

/// Who publishes what, where.
struct Claim<'c> {
    who: String,
    hosts: Vec<&'c HostName>,
    published: Published,
}

impl<'c> Claim<'c> {
    /// Returns a host on which both cannot be had.
    fn clash(&self, other: &Claim<'_>) -> Option<&'c HostName> {
        let mut hosts = self.hosts.iter().copied();
        let shared = hosts.find(|host| other.hosts.contains(host))?;
        self.published.overlaps(&other.published).then_some(shared)
    }
}

fn traefik(config: &Config) -> Claim<'_> {
    let roles = config.roles.iter().filter(|role| role.traefik);
    let port = config.traefik.host_port;
    Claim {
        who: "Traefik".to_owned(),
        hosts: roles.flat_map(|role| &role.hosts).collect(),
        published: Published {
            address: None,
            ports: port..=port,
            protocol: "tcp".to_owned(),
        },
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

/// A port of a host, or several in a row.
struct Published {
    /// Absent: every address of the host.
    address: Option<IpAddr>,
    ports: RangeInclusive<u16>,
    protocol: String,
}

impl Published {
    /// Reads `[ADDRESS:]HOST_PORT:PORT[/PROTOCOL]`. Nothing where docker chooses the port.
    fn parse(text: &str) -> Option<Self> {
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (outside, _) = ports.rsplit_once(':')?;
        let (address, port) = match outside.rsplit_once(':') {
            Some((address, port)) => (Some(address), port),
            None => (None, outside),
        };
        let address = address.and_then(|address| address.trim_matches(['[', ']']).parse().ok());
        let (first, last) = port.split_once('-').unwrap_or((port, port));
        Some(Self {
            address: address.filter(|address: &IpAddr| !address.is_unspecified()),
            ports: parse_port(first)?..=parse_port(last)?,
            protocol: protocol.to_owned(),
        })
    }

    fn overlaps(&self, other: &Self) -> bool {
        let same_address = match (self.address, other.address) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        same_address
            && self.protocol == other.protocol
            && self.ports.start() <= other.ports.end()
            && other.ports.start() <= self.ports.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_overlap_where_docker_could_not_publish_both() {
        for (one, two, expected) in [
            ("3306:3306", "3306:6379", true),
            ("3306:3306", "3307:3306", false),
            ("3306:3306", "3306:3306/udp", false),
            ("53:53/udp", "127.0.0.1:53:53/udp", true),
            ("127.0.0.1:53:53", "127.0.0.2:53:53", false),
            ("127.0.0.1:53:53", "0.0.0.0:53:53", true),
            ("[::1]:53:53", "[::1]:53:53", true),
            ("8000-8010:8000-8010", "8010:80", true),
            ("8000-8010:8000-8010", "8011:80", false),
        ] {
            let parse = |text| Published::parse(text).unwrap();
            assert_eq!(parse(one).overlaps(&parse(two)), expected, "{one} {two}");
            assert_eq!(parse(two).overlaps(&parse(one)), expected, "{two} {one}");
        }
        assert!(Published::parse("127.0.0.1::53").is_none());
    }
}
