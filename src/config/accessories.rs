//! `accessories`: long-lived services that the app depends on, such as a database.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::decode::{Decoder, Field, Record, list, parse_port, shown, suggestion};
use super::env::{self, EnvLayer};
use super::hosts::{self, Hosts};
use super::model::{Accessory, AccessoryDirectory, AccessoryFile, Role};
use super::node::Kind;
use super::{options, servers, service};
use crate::name::HostName;

const KEYS: [&str; 13] = [
    "image",
    "host",
    "hosts",
    "role",
    "roles",
    "port",
    "cmd",
    "env",
    "files",
    "directories",
    "volumes",
    "labels",
    "options",
];

/// The keys that say where an accessory runs.
const PLACES: [&str; 4] = ["host", "hosts", "role", "roles"];

/// The word that stands for every accessory on the command line.
pub(super) const ALL: &str = "all";

/// Reads `accessories`. Hosts that only they have are added to `hosts`. `servers` is the field that `roles` were read from.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    roles: &[Role],
    servers: Option<&Field<'_>>,
    hosts: &mut Hosts<'_>,
) -> Vec<Accessory> {
    let known = servers.map(servers::role_names).unwrap_or_default();
    let mut reader = Reader {
        decoder,
        roles,
        known,
        hosts,
    };
    let entries = reader.decoder.entries(field);
    entries
        .iter()
        .filter_map(|(name, child)| reader.accessory(name, child))
        .collect()
}

struct Reader<'d, 'a, 'r, 'h, 's> {
    decoder: &'d mut Decoder<'a>,
    roles: &'r [Role],
    /// The names of the roles, of those too that could not be read.
    known: Vec<&'r str>,
    hosts: &'h mut Hosts<'s>,
}

impl Reader<'_, '_, '_, '_, '_> {
    fn accessory(&mut self, name: &str, field: &Field<'_>) -> Option<Accessory> {
        self.name(name, field);
        let record = self.decoder.record(field, &KEYS);
        if !matches!(field.node.kind, Kind::Mapping(_) | Kind::Null) {
            return None;
        }
        let image = match record.get("image") {
            Some(image) => service::image_reference(self.decoder, image),
            None => {
                self.decoder.error(
                    field.key,
                    format!("missing key `{}.image`", field.path),
                    "set the image of its container, such as `image: mysql:8.0`",
                );
                None
            }
        };
        let hosts = self.place(name, field, &record);
        let (files, directories) = self.mounts(&record);
        Some(Accessory {
            name: name.to_owned(),
            image: image.unwrap_or_default(),
            hosts,
            publish: record.get("port").and_then(|port| self.publish(port)),
            cmd: self.read(&record, "cmd", options::words),
            env: EnvLayer::default().merge(&self.read(&record, "env", env::decode)),
            files,
            directories,
            volumes: self.read(&record, "volumes", options::list_of_text),
            labels: self.read(&record, "labels", options::labels),
            options: self.read(&record, "options", options::docker),
        })
    }

    fn read<T: Default>(
        &mut self,
        record: &Record<'_>,
        key: &str,
        read: fn(&mut Decoder<'_>, &Field<'_>) -> T,
    ) -> T {
        let field = record.get(key);
        field
            .map(|field| read(self.decoder, field))
            .unwrap_or_default()
    }

    /// Checks the name: it becomes part of the container's, and is a word of the command line.
    fn name(&mut self, name: &str, field: &Field<'_>) {
        if !servers::is_role_name(name) {
            self.decoder.error(
                field.key,
                format!("`{}` is not a valid accessory name", shown(name)),
                "use letters, digits, `_`, `.` and `-`; start with a letter or digit; at most 63 characters",
            );
        } else if name == ALL {
            self.decoder.error(
                field.key,
                format!("`{ALL}` is not a valid accessory name"),
                "`mrsk accessory` uses it for all accessories: choose another name",
            );
        } else if let Some(role) = self.known.iter().find(|role| is_version_of(name, role)) {
            self.decoder.error(
                field.key,
                format!("accessory name `{name}` conflicts with container names of role `{role}`"),
                "role containers are named `SERVICE-ROLE-VERSION`: choose another name",
            );
        }
    }

    /// Returns the hosts, which stand under one of [`PLACES`]. A key without a value does not count, so that a destination's
    /// file can take one out.
    fn place(&mut self, name: &str, field: &Field<'_>, record: &Record<'_>) -> Vec<HostName> {
        let given = PLACES
            .iter()
            .filter_map(|key| Some((*key, record.get(key)?)));
        let (empty, full): (Vec<_>, Vec<_>) = given.partition(|(_, field)| field.is_null());
        match (full.as_slice(), empty.as_slice()) {
            ([(key, place)], _) => match *key {
                "host" => self.hosts.one(self.decoder, place).into_iter().collect(),
                "hosts" => self.hosts.list(self.decoder, place),
                _ => self.of_roles(place, *key == "role"),
            },
            ([], [(_, place), ..]) => {
                hosts::empty(self.decoder, place);
                Vec::new()
            }
            ([], []) => {
                self.decoder.error(
                    field.key,
                    format!("accessory `{}` has no host", shown(name)),
                    format!("set one of {}", list(PLACES)),
                );
                Vec::new()
            }
            ([(first, _), others @ ..], _) => {
                for (other, place) in others {
                    self.decoder.error(
                        place.key,
                        format!("accessory `{}` sets both `{first}` and `{other}`", shown(name)),
                        format!("keep one of them; in a destination's file, `{first}:` without a value removes it"),
                    );
                }
                Vec::new()
            }
        }
    }

    /// Returns the hosts of the roles that are named, in the order of the file.
    fn of_roles(&mut self, field: &Field<'_>, may_be_text: bool) -> Vec<HostName> {
        let items = match field.node.kind {
            Kind::Scalar { .. } if may_be_text => vec![field.clone()],
            _ => self.decoder.items(field),
        };
        if items.is_empty() && matches!(field.node.kind, Kind::Sequence(_)) {
            self.decoder.error(
                field.key,
                format!("`{}` has no roles", field.path),
                "list at least one role",
            );
        }
        let mut wanted = BTreeSet::new();
        for item in &items {
            let Some(name) = self.decoder.filled(item) else {
                continue;
            };
            if !self.known.contains(&name.as_str()) {
                self.unknown_role(&name, item);
            }
            let role = self.roles.iter().find(|role| role.name.as_str() == name);
            wanted.extend(role.iter().flat_map(|role| &role.hosts));
        }
        let all = self.hosts.all().iter().map(|host| &host.name);
        all.filter(|name| wanted.contains(name)).cloned().collect()
    }

    fn unknown_role(&mut self, name: &str, field: &Field<'_>) {
        // Without readable `servers` that is what has to be reported.
        if self.known.is_empty() {
            return;
        }
        let help = match suggestion(name, &self.known) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("known roles: {}", list(&self.known)),
        };
        let message = format!("unknown role `{}`", shown(name));
        self.decoder.error(field.node.mark, message, help);
    }

    /// Returns what docker's `--publish` takes: `PORT` is published as the same one.
    fn publish(&mut self, field: &Field<'_>) -> Option<String> {
        let text = self.decoder.filled(field)?;
        let published = published(&text);
        if published.is_none() {
            self.decoder.error(
                field.node.mark,
                format!("invalid port mapping `{}`", shown(&text)),
                "use `PORT`, `HOST_PORT:PORT` or `ADDRESS:HOST_PORT:PORT`, with ports from 1 to 65535",
            );
        }
        published
    }

    /// Returns `files` and `directories`. No two may have the same path in the container.
    fn mounts(&mut self, record: &Record<'_>) -> (Vec<AccessoryFile>, Vec<AccessoryDirectory>) {
        let mut seen = BTreeSet::new();
        let mut of = |key: &str, what: &str| {
            let items = record.get(key).map(|field| self.decoder.items(field));
            let mut mounts = Vec::new();
            for item in items.unwrap_or_default() {
                let Some(mount) = mount(self.decoder, &item, what) else {
                    continue;
                };
                if !seen.insert(mount.container.clone()) {
                    let message = format!("duplicate mount path `{}`", shown(&mount.container));
                    let help = "use a different container path for each file and directory";
                    self.decoder.error(item.node.mark, message, help);
                }
                mounts.push(mount);
            }
            mounts
        };
        let (files, directories) = (of("files", "file"), of("directories", "directory"));
        let file = |mount: Mount| AccessoryFile {
            local: mount.outside,
            remote: mount.container,
            mode: mount.mode,
        };
        let directory = |mount: Mount| AccessoryDirectory {
            host: mount.outside,
            container: mount.container,
            mode: mount.mode,
        };
        (
            files.into_iter().map(file).collect(),
            directories.into_iter().map(directory).collect(),
        )
    }
}

struct Mount {
    outside: String,
    container: String,
    mode: Option<String>,
}

/// Reads `OUTSIDE:CONTAINER[:MODE]`.
fn mount(decoder: &mut Decoder<'_>, field: &Field<'_>, what: &str) -> Option<Mount> {
    let text = decoder.filled(field)?;
    let mut parts = text.split(':');
    let (outside, container) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let (mode, rest) = (parts.next(), parts.next());
    let problem = if rest.is_some() || container.is_empty() {
        Some("expected `PATH:CONTAINER_PATH[:MODE]`")
    } else {
        problem_of(what, outside, container, mode)
    };
    if let Some(problem) = problem {
        let example = match what {
            "file" => "config/my.cnf:/etc/mysql/my.cnf:ro",
            _ => "data:/var/lib/mysql",
        };
        decoder.error(
            field.node.mark,
            format!("invalid {what} `{}`: {problem}", shown(&text)),
            format!("for example `{example}`"),
        );
        return None;
    }
    Some(Mount {
        outside: outside.to_owned(),
        container: container.to_owned(),
        mode: mode.map(str::to_owned),
    })
}

fn problem_of(
    what: &str,
    outside: &str,
    container: &str,
    mode: Option<&str>,
) -> Option<&'static str> {
    let climbs = |path: &str| path.split('/').any(|part| part == "..");
    let is_mode = |mode: &str| {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
        mode.split(',').all(word)
    };
    if outside.trim().is_empty() {
        Some("missing path before `:`")
    } else if outside.contains(char::is_control) || container.contains(char::is_control) {
        Some("control characters are not allowed")
    } else if !container.starts_with('/') || container == "/" {
        Some("the container path must be absolute and below `/`")
    } else if climbs(container) || (what == "directory" && climbs(outside)) {
        Some("`..` is not allowed")
    } else if what == "file" && (outside.ends_with('/') || container.ends_with('/')) {
        Some("a file path must not end in `/`")
    } else if !mode.is_none_or(is_mode) {
        Some("unknown mode; use docker's, such as `ro`")
    } else {
        None
    }
}

/// Returns `[ADDRESS:]HOST_PORT:PORT[/PROTOCOL]`, where `text` is that, or a port alone.
fn published(text: &str) -> Option<String> {
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, protocol)) if ["tcp", "udp", "sctp"].contains(&protocol) => {
            (ports, format!("/{protocol}"))
        }
        Some(_) => return None,
        None => (text, String::new()),
    };
    let Some((outside, inside)) = ports.rsplit_once(':') else {
        return is_port(ports).then(|| format!("{ports}:{ports}{protocol}"));
    };
    let (address, host) = match outside.rsplit_once(':') {
        Some((address, host)) => (Some(address), host),
        None => (None, outside),
    };
    let is_address = |address: &str| {
        let bare = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match bare {
            Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            None => address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_ipv4()),
        }
    };
    // After an address docker chooses the port of the host where there is none.
    let host_is_valid = is_port(host) || (host.is_empty() && address.is_some());
    let valid = is_port(inside) && host_is_valid && address.is_none_or(is_address);
    valid.then(|| text.to_owned())
}

/// Whether `text` is a port, or a range of ports.
fn is_port(text: &str) -> bool {
    match text.split_once('-') {
        Some((first, last)) => {
            matches!((parse_port(first), parse_port(last)), (Some(first), Some(last)) if first <= last)
        }
        None => parse_port(text).is_some(),
    }
}

/// Whether `name` is that of a role and, after a dash, what begins as a commit does: the version that containers have by default.
fn is_version_of(name: &str, role: &str) -> bool {
    let rest = name
        .strip_prefix(role)
        .and_then(|rest| rest.strip_prefix('-'));
    let digits = |version: &str| version.bytes().take_while(u8::is_ascii_hexdigit).count();
    rest.and_then(|rest| rest.rsplit('-').next())
        .is_some_and(|version| matches!(digits(version), 40 | 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_published_as_docker_takes_them() {
        for (text, expected) in [
            ("3306", Some("3306:3306")),
            ("36379:6379", Some("36379:6379")),
            ("127.0.0.1:3306:3306", Some("127.0.0.1:3306:3306")),
            ("[::1]:3306:3306", Some("[::1]:3306:3306")),
            ("127.0.0.1::3306", Some("127.0.0.1::3306")),
            ("53/udp", Some("53:53/udp")),
            ("53:53/udp", Some("53:53/udp")),
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
            assert_eq!(published(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn names_of_containers_with_a_version_are_known() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (name, expected) in [
            (format!("web-{commit}"), true),
            (format!("web-staging-{commit}"), true),
            (format!("web-{commit}_uncommitted_01234567"), true),
            (format!("job-{commit}"), false),
            ("web-cache".to_owned(), false),
            ("web".to_owned(), false),
        ] {
            assert_eq!(is_version_of(&name, "web"), expected, "{name}");
        }
    }
}
