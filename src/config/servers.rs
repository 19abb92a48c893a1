//! `servers`: a list of hosts, or roles.

use std::collections::BTreeMap;

use super::decode::{Decoder, Field, shown};
use super::env::{self, EnvLayer};
use super::hosts::{self, Hosts};
use super::model::{DockerOption, Role};
use super::node::Kind;
use super::options;
use crate::name::RoleName;

/// The role of a plain list of servers, and the only one that has Traefik by default.
const WEB: &str = "web";

/// What every role starts from.
pub(super) struct Global {
    /// The global `env`.
    pub(super) env: EnvLayer,
    /// The global `labels`.
    pub(super) labels: BTreeMap<String, String>,
}

/// Reads `servers`: the roles, with their hosts added to `hosts`.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    global: &Global,
    hosts: &mut Hosts<'_>,
) -> Vec<Role> {
    let mut reader = Reader {
        decoder,
        global,
        hosts,
    };
    match &field.node.kind {
        Kind::Sequence(_) => reader.web_alone(field).into_iter().collect(),
        Kind::Mapping(_) => reader.roles(field),
        Kind::Null | Kind::Scalar { .. } => {
            reader.decoder.error(
                field.key,
                "`servers` must be a list of hosts or a map of roles",
                "write one `- host` per line, indented below the key",
            );
            Vec::new()
        }
    }
}

/// Returns the names of the roles of `servers`, of those too that could not be read.
pub(super) fn role_names<'n>(field: &Field<'n>) -> Vec<&'n str> {
    match &field.node.kind {
        Kind::Sequence(_) => vec![WEB],
        Kind::Mapping(entries) => entries
            .iter()
            .map(|entry| entry.key.text.as_str())
            .collect(),
        Kind::Null | Kind::Scalar { .. } => Vec::new(),
    }
}

struct Reader<'d, 'a, 'g, 'h, 's> {
    decoder: &'d mut Decoder<'a>,
    global: &'g Global,
    hosts: &'h mut Hosts<'s>,
}

impl Reader<'_, '_, '_, '_, '_> {
    fn web_alone(&mut self, field: &Field<'_>) -> Option<Role> {
        let hosts = self.hosts.list(self.decoder, field);
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
            hosts::empty(self.decoder, field);
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
                format!("`{}` is not a valid role name", shown(name)),
                "use letters, digits, `_`, `.` and `-`; start with a letter or digit; at most 63 characters",
            );
        }
        match &field.node.kind {
            Kind::Null => {
                hosts::empty(self.decoder, field);
                None
            }
            Kind::Scalar { .. } => {
                let message = format!(
                    "role `{name}` must be a list of hosts or a map with `hosts`, not a single value"
                );
                self.decoder.error(
                    field.key,
                    message,
                    "write one `- host` per line, indented below the key",
                );
                None
            }
            Kind::Sequence(_) => Some(Role {
                name: RoleName::new(name),
                hosts: self.hosts.list(self.decoder, field),
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
            Some(hosts) => self.hosts.list(self.decoder, hosts),
            None => {
                self.decoder.error(
                    field.key,
                    format!("missing key `{}.hosts`", field.path),
                    "list the hosts of the role",
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
            .map(|labels| options::role_labels(self.decoder, labels));
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
                format!("`{}: {value}` conflicts with Traefik", option.name),
                "Traefik reaches containers over a docker network: use another network, or set `traefik: false` for this role",
            );
        }
        options
    }
}

/// Returns whether `name` can be a part of a container's name, and of a label's.
pub(super) fn is_role_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.len() <= 63
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(allowed)
}
