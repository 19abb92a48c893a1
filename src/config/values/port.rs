//! Ports of the network: the only place that reads them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::number::digits;
use crate::config::decoder::{Decoder, Field, shown};
use crate::config::schema::{described, matching};

/// Reads a port, in quotes or without.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<u16> {
    let text = decoder.text(field)?;
    let help = "use a number from 1 to 65535";
    parse(&text).or_else(|| decoder.unlike(field, "a port", &text, help))
}

/// Returns the schema of a port.
pub(crate) fn schema(description: &str) -> Value {
    let kinds = json!({ "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": u16::MAX },
        { "type": "string", "pattern": "^[1-9][0-9]{0,4}$" },
    ] });
    described(description, kinds)
}

/// Returns a port from 1 to 65535 that is written in decimal digits.
pub(crate) fn parse(text: &str) -> Option<u16> {
    digits(text)?.parse().ok().filter(|port| *port > 0)
}

/// A published port, or several in a row: `[ADDRESS:][HOST_PORT:]PORT[/PROTOCOL]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    /// The address of the host; `None`: every one.
    address: Option<IpAddr>,
    /// The ports of the host; `None`: docker chooses.
    host: Option<RangeInclusive<u16>>,
    /// The ports of the container.
    container: RangeInclusive<u16>,
    protocol: Protocol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl PortMapping {
    /// Reads what docker's `--publish` takes, but for a name in place of an address. `None`: it is not valid.
    pub fn parse(text: &str) -> Option<Self> {
        let (ports, protocol) = match text.split_once('/').unwrap_or((text, "tcp")) {
            (ports, "tcp") => (ports, Protocol::Tcp),
            (ports, "udp") => (ports, Protocol::Udp),
            (ports, "sctp") => (ports, Protocol::Sctp),
            _ => return None,
        };
        let (outside, container) = match ports.rsplit_once(':') {
            Some((outside, container)) => (Some(outside), range(container)?),
            None => (None, range(ports)?),
        };
        let (address, host) = match outside.map(|outside| outside.rsplit_once(':').ok_or(outside)) {
            None => (None, None),
            Some(Err(host)) => (None, Some(range(host)?)),
            Some(Ok((address, ""))) => (Some(parse_address(address)?), None),
            Some(Ok((address, host))) => (Some(parse_address(address)?), Some(range(host)?)),
        };
        Some(Self {
            address,
            host,
            container,
            protocol,
        })
    }

    /// Returns the mapping of the same ports of the host, if docker would choose them on every
    /// address.
    pub(crate) fn with_host_port(mut self) -> Self {
        if self.address.is_none() {
            self.host.get_or_insert(self.container.clone());
        }
        self
    }

    /// Returns the TCP mapping of `port` on every address of the host.
    pub(crate) fn of_host(port: u16) -> Self {
        Self {
            address: None,
            host: Some(port..=port),
            container: port..=port,
            protocol: Protocol::Tcp,
        }
    }

    /// Returns whether the file says which ports of the host they are.
    pub fn is_fixed(&self) -> bool {
        self.host.is_some()
    }

    /// Returns whether it publishes this TCP port of the container.
    pub fn publishes(&self, port: u16) -> bool {
        self.protocol == Protocol::Tcp && self.container.contains(&port)
    }

    /// Returns the TCP port of the host; `None` if docker chooses it, and for a range.
    pub fn host_port(&self) -> Option<u16> {
        let host = self.host.as_ref()?;
        let single = host.start() == host.end() && self.protocol == Protocol::Tcp;
        single.then_some(*host.start())
    }

    /// Returns whether docker cannot publish both on the same host.
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        let specific = |mapping: &Self| mapping.address.filter(|address| !address.is_unspecified());
        let both = specific(self).zip(specific(other));
        let same_address = both.is_none_or(|(one, two)| one == two);
        let ranges = self.host.as_ref().zip(other.host.as_ref());
        let overlap =
            ranges.is_some_and(|(one, two)| one.start() <= two.end() && two.start() <= one.end());
        same_address && self.protocol == other.protocol && overlap
    }
}

/// Returns the TCP ports of the host that `mappings` publish, but ranges.
pub(crate) fn host_ports<'m>(mappings: impl IntoIterator<Item = &'m str>) -> BTreeSet<u16> {
    let mappings = mappings.into_iter().filter_map(PortMapping::parse);
    mappings.filter_map(|mapping| mapping.host_port()).collect()
}

fn parse_address(text: &str) -> Option<IpAddr> {
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => text.parse().ok().filter(IpAddr::is_ipv4),
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = parse(first)?..=parse(last)?;
    (!range.is_empty()).then_some(range)
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            None => {}
        }
        if let Some(host) = &self.host {
            write_range(f, host)?;
        }
        if self.address.is_some() || self.host.is_some() {
            f.write_str(":")?;
        }
        write_range(f, &self.container)?;
        f.write_str(match self.protocol {
            Protocol::Tcp => "",
            Protocol::Udp => "/udp",
            Protocol::Sctp => "/sctp",
        })
    }
}

fn write_range(f: &mut fmt::Formatter<'_>, range: &RangeInclusive<u16>) -> fmt::Result {
    match range.start() == range.end() {
        true => write!(f, "{}", range.start()),
        false => write!(f, "{}-{}", range.start(), range.end()),
    }
}

impl Serialize for PortMapping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a published port: `PORT` is published as the same one.
pub(crate) fn decode_mapping(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<PortMapping> {
    let text = decoder.filled(field)?;
    let mapping = PortMapping::parse(&text);
    if mapping.is_none() {
        let message = format!("invalid port mapping `{}`", shown(&text));
        let help =
            "use `PORT`, `HOST_PORT:PORT` or `ADDRESS:HOST_PORT:PORT`, with ports from 1 to 65535";
        decoder.error(field.node.mark, message, help);
    }
    mapping.map(PortMapping::with_host_port)
}

/// Returns the schema of a published port.
pub(crate) fn mapping_schema() -> Value {
    matching(
        "Published port: `PORT`, `HOST_PORT:PORT` or `ADDRESS:HOST_PORT:PORT`.",
        "^(\\[[0-9a-fA-F:]+\\]:|[0-9.]+:)?([0-9]+(-[0-9]+)?)?:?[0-9]+(-[0-9]+)?(/(tcp|udp|sctp))?$",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_published_as_docker_takes_them() {
        for (text, expected) in [
            ("3306", Some("3306:3306")),
            ("36379:6379", Some("36379:6379")),
            ("127.0.0.1:3306:3306", Some("127.0.0.1:3306:3306")),
            ("[::1]:3306:3306", Some("[::1]:3306:3306")),
            ("127.0.0.1::3306", Some("127.0.0.1::3306")),
            ("53/udp", Some("53:53/udp")),
            ("53:53/udp", Some("53:53/udp")),
            ("53:53/tcp", Some("53:53")),
            ("8000-8002:8000-8002", Some("8000-8002:8000-8002")),
            ("0", None),
            ("65536", None),
            ("03306", None),
            (":3306", None),
            ("3306:", None),
            ("mysql", None),
            ("2-1", None),
            ("3306/http", None),
            ("localhost:3306:3306", None),
            ("::1:3306:3306", None),
            ("3306:3306:3306", None),
        ] {
            let mapping = PortMapping::parse(text).map(PortMapping::with_host_port);
            let mapping = mapping.map(|mapping| mapping.to_string());
            assert_eq!(mapping.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn host_ports_are_single_tcp_ports() {
        for (text, expected) in [
            ("9000:90/tcp", Some(9000)),
            ("127.0.0.1:8443:443", Some(8443)),
            ("[::1]:8443:443", Some(8443)),
            ("81-83:81-83", None),
            ("53:53/udp", None),
            ("9000", None),
            ("127.0.0.1::80", None),
        ] {
            let mapping = PortMapping::parse(text).unwrap();
            assert_eq!(mapping.host_port(), expected, "{text}");
        }
    }

    #[test]
    fn mappings_conflict_if_docker_cannot_publish_both() {
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
            ("127.0.0.1::53", "53:53", false),
        ] {
            let parse = |text| PortMapping::parse(text).unwrap();
            assert_eq!(parse(one).conflicts(&parse(two)), expected, "{one} {two}");
            assert_eq!(parse(two).conflicts(&parse(one)), expected, "{two} {one}");
        }
    }
}
