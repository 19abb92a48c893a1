//! `servers`: a list of hosts, or roles.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::{Decoder, Field, shown};
use super::env::{self, EnvLayer};
use super::host::HostSpec;
use super::model::{DockerOption, Host, Role, Ssh};
use super::node::{Kind, Mark};
use super::options;
use crate::diagnostic::Place;
use crate::name::{HostName, RoleName};

/// The role of a plain list of servers, and the only one that has Traefik by default.
const WEB: &str = "web";

/// What every role starts from.
pub(super) struct Global {
    /// The global `env`.
    pub(super) env: EnvLayer,
    /// The global `labels`.
    pub(super) labels: BTreeMap<String, String>,
    /// How hosts are reached where they do not say so themselves.
    pub(super) ssh: Ssh,
}

/// Reads `servers`: every host once, and the roles.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    global: &Global,
) -> (Vec<Host>, Vec<Role>) {
    let mut reader = Reader {
        decoder,
        global,
        hosts: Vec::new(),
        seen: BTreeMap::new(),
    };
    let roles = match &field.node.kind {
        Kind::Sequence(_) => reader.web_alone(field).into_iter().collect(),
        Kind::Mapping(_) => reader.roles(field),
        Kind::Null | Kind::Scalar { .. } => {
            reader.decoder.error(
                field.key,
                "`servers` must be a list of hosts or a map of roles",
                "write one `- host` per line, indented below it",
            );
            Vec::new()
        }
    };
    (reader.hosts, roles)
}

struct Seen {
    host: Host,
    place: Place,
}

struct Reader<'d, 'a, 'g> {
    decoder: &'d mut Decoder<'a>,
    global: &'g Global,
    hosts: Vec<Host>,
    seen: BTreeMap<String, Seen>,
}

impl Reader<'_, '_, '_> {
    fn web_alone(&mut self, field: &Field<'_>) -> Option<Role> {
        let hosts = self.host_list(field);
        (!hosts.is_empty()).then(|| Role {
            name: RoleName::new(WEB),
            hosts,
            cmd: Vec::new(),
            env: self.global.env.merge(&EnvLayer::default()),
            labels: self.global.labels.clone(),
            options: Vec::new(),
            traefik: true,
        })
    }

    fn roles(&mut self, field: &Field<'_>) -> Vec<Role> {
        let entries = self.decoder.entries(field);
        if entries.is_empty() {
            self.empty(field);
        }
        entries
            .iter()
            .filter_map(|(name, child)| self.role(name, child))
            .collect()
    }

    fn role(&mut self, name: &str, field: &Field<'_>) -> Option<Role> {
        if !is_role_name(name) {
            self.decoder.error(
                field.key,
                format!("`{}` is no valid name of a role", shown(name)),
                "a role's name has letters, digits, `_`, `.` and `-`, begins with a letter or digit, and has at most 63 characters",
            );
        }
        match &field.node.kind {
            Kind::Null => {
                self.empty(field);
                None
            }
            Kind::Scalar { .. } => {
                let message = format!(
                    "role `{name}` must be a list of hosts or a map with `hosts`, not a single value"
                );
                self.decoder.error(
                    field.key,
                    message,
                    "write one `- host` per line, indented below it",
                );
                None
            }
            Kind::Sequence(_) => Some(Role {
                name: RoleName::new(name),
                hosts: self.host_list(field),
                cmd: Vec::new(),
                env: self.global.env.merge(&EnvLayer::default()),
                labels: self.global.labels.clone(),
                options: Vec::new(),
                traefik: name == WEB,
            }),
            Kind::Mapping(_) => Some(self.detailed_role(name, field)),
        }
    }

    fn detailed_role(&mut self, name: &str, field: &Field<'_>) -> Role {
        let keys = ["hosts", "cmd", "env", "labels", "options", "traefik"];
        let record = self.decoder.record(field, &keys);
        let hosts = match record.get("hosts") {
            Some(hosts) => self.host_list(hosts),
            None => {
                self.decoder.error(
                    field.key,
                    format!("role `{name}` has no `hosts`"),
                    "list its hosts under `hosts`",
                );
                Vec::new()
            }
        };
        let traefik = match record.get("traefik") {
            Some(traefik) => self.decoder.boolean(traefik).unwrap_or(false),
            None => name == WEB,
        };
        let cmd = record
            .get("cmd")
            .map(|cmd| options::words(self.decoder, cmd));
        let env = record.get("env").map(|env| env::decode(self.decoder, env));
        let own_labels = record
            .get("labels")
            .map(|labels| options::labels(self.decoder, labels));
        let mut labels = self.global.labels.clone();
        labels.extend(own_labels.unwrap_or_default());
        let docker = record
            .get("options")
            .map(|field| self.options(field, traefik));
        Role {
            name: RoleName::new(name),
            hosts,
            cmd: cmd.unwrap_or_default(),
            env: self.global.env.merge(&env.unwrap_or_default()),
            labels,
            options: docker.unwrap_or_default(),
            traefik,
        }
    }

    fn options(&mut self, field: &Field<'_>, traefik: bool) -> Vec<DockerOption> {
        let options = options::docker(self.decoder, field);
        let unroutable = |option: &&DockerOption| {
            let network = ["network", "net"].contains(&option.name.as_str());
            let value = option.value.as_deref().unwrap_or("");
            network && (value == "host" || value == "none" || value.starts_with("container:"))
        };
        if let Some(option) = options.iter().find(unroutable).filter(|_| traefik) {
            let mark = self
                .decoder
                .entries(field)
                .iter()
                .find(|(name, _)| *name == option.name)
                .map_or(field.key, |(_, child)| child.key);
            let value = option.value.as_deref().unwrap_or("");
            self.decoder.error(
                mark,
                format!("a role with Traefik cannot have `{}: {value}`", option.name),
                "Traefik reaches containers over a docker network: use another network, or `traefik: false` for this role",
            );
        }
        options
    }

    fn host_list(&mut self, field: &Field<'_>) -> Vec<HostName> {
        let items = self.decoder.items(field);
        if items.is_empty() && matches!(field.node.kind, Kind::Null | Kind::Sequence(_)) {
            self.empty(field);
        }
        let mut inside = BTreeSet::new();
        let mut names = Vec::new();
        for item in &items {
            let Some(text) = self.decoder.filled(item) else {
                continue;
            };
            match HostSpec::parse(&text) {
                Ok(spec) => names.extend(self.host(spec, item.node.mark, &mut inside)),
                Err(reason) => self.decoder.error(
                    item.node.mark,
                    format!("host `{}` {reason}", shown(&text)),
                    "write `host`, `user@host`, `host:port` or `user@host:port`; an IPv6 address with a port as `[2001:db8::1]:22`",
                ),
            }
        }
        names
    }

    fn host(
        &mut self,
        spec: HostSpec,
        mark: Mark,
        inside: &mut BTreeSet<String>,
    ) -> Option<HostName> {
        let identity = spec.identity();
        let host = Host {
            name: HostName::new(spec.name),
            user: spec.user.unwrap_or_else(|| self.global.ssh.user.clone()),
            port: spec.port.or(self.global.ssh.port),
        };
        if !inside.insert(identity.clone()) {
            self.decoder.error(
                mark,
                format!("host `{}` stands twice in the same role", host.name),
                "remove one of the two",
            );
            return None;
        }
        let name = host.name.clone();
        match self.seen.get(&identity) {
            Some(seen) if seen.host != host => {
                let message = format!(
                    "host `{name}` is also written in another way: as {} in {}",
                    described(&seen.host),
                    self.decoder.seen_from(mark, &seen.place)
                );
                let help = format!(
                    "write it the same way everywhere; here it is {}",
                    described(&host)
                );
                self.decoder.error(mark, message, help);
            }
            Some(_) => {}
            None => {
                self.hosts.push(host.clone());
                let place = self.decoder.place(mark);
                self.seen.insert(identity, Seen { host, place });
            }
        }
        Some(name)
    }

    fn empty(&mut self, field: &Field<'_>) {
        self.decoder.error(
            field.key,
            format!("`{}` has no hosts", field.path),
            "list at least one host, or remove the key",
        );
    }
}

fn described(host: &Host) -> String {
    let port = match host.port {
        Some(port) => format!(", port {port}"),
        None => String::new(),
    };
    format!("`{}` with user `{}`{port}", host.name, host.user)
}

fn is_role_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.len() <= 63
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(allowed)
}
