//! `servers`: a list of hosts, or roles.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::allow_empty_roles::EmptyRoles;
use super::env::{self, EnvLayer, Tags};
use super::proxy::OfRole;
use super::routed::Router;
use super::{asset_path, healthcheck, logging, proxy, quiet_signal, replicas, stop_signal};
use super::{stop_wait_time, volumes};
use crate::config::decoder::{Decoder, Field, Record, choice, shown};
use crate::config::model::{Assets, DockerOption, Env, Healthcheck, Logging, Role};
use crate::config::node::Kind;
use crate::config::proxy::Settings;
use crate::config::schema::{Property, described, record};
use crate::config::values::hosts::{self, Hosts, Tagged};
use crate::config::values::{boolean, command, docker_options, labels, name};
use crate::name::{HostName, RoleName};

pub(super) const KEY: Property = ("servers", schema);

/// The role of a plain list of servers. It gets requests unless another one is the primary role.
pub(super) const WEB: &str = "web";

const ROLE_KEYS: [Property; 16] = [
    ("hosts", || {
        hosts::any_schema("Hosts of the role, each perhaps with tags.")
    }),
    ("cmd", command::schema),
    ("env", || {
        env::schema("Environment, merged over the global one key by key.")
    }),
    ("labels", || {
        labels::schema("Labels, merged over the global ones.")
    }),
    ("options", || {
        docker_options::schema("Options of `docker create`.")
    }),
    ("traefik", || {
        boolean::schema(
            "Whether requests go to its containers; by default only to those of the primary role.",
        )
    }),
    proxy::OF_ROLE,
    healthcheck::OF_ROLE,
    stop_wait_time::OF_ROLE,
    stop_wait_time::LATER,
    stop_signal::KEY,
    quiet_signal::KEY,
    replicas::KEY,
    asset_path::KEY,
    logging::OF_ROLE,
    volumes::OF_ROLE,
];

fn schema() -> Value {
    let role = record("A role: its hosts, and its own settings.", &ROLE_KEYS);
    let none = json!({ "type": "array", "maxItems": 0, "description": "No hosts." });
    let hosts = hosts::tagged_schema("Hosts of the role, each perhaps with tags.");
    let role = json!({ "anyOf": [hosts, role, none] });
    described(
        "Hosts: a list, which is the role `web`, or a map of roles.",
        json!({ "anyOf": [
            hosts::tagged_schema("Hosts of the role `web`, each perhaps with tags."),
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": name::PATTERN },
                "additionalProperties": role,
            },
        ] }),
    )
}

/// The help about a single value in place of hosts.
const ONE_PER_LINE: &str = "write one `- host` per line, indented below the key";

/// What every role starts from.
pub(super) struct Global<'a> {
    /// The global `env`.
    pub(super) env: EnvLayer,
    /// The `env.tags`.
    pub(super) tags: Tags,
    /// The global `labels`.
    pub(super) labels: BTreeMap<String, String>,
    /// The global `healthcheck`.
    pub(super) healthcheck: Healthcheck,
    /// The global `stop_signal`.
    pub(super) stop_signal: Option<String>,
    /// The global `logging`.
    pub(super) logging: Option<Logging>,
    /// The global `asset_path`.
    pub(super) assets: Option<Assets>,
    /// Whether a role of a map may have no hosts.
    pub(super) empty: EmptyRoles,
    /// The role that gets requests by default.
    pub(super) served: &'a str,
    /// What `proxy` says.
    pub(super) router: Router<'a>,
}

/// Reads `servers`: the roles, with their hosts added to `hosts`. Returns beside them what `proxy` says of those that get requests.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    global: &Global<'_>,
    hosts: &mut Hosts<'_>,
) -> (Vec<Role>, Vec<Settings>) {
    let Some(field) = root.get(KEY.0) else {
        return (Vec::new(), Vec::new());
    };
    let mut reader = Reader {
        decoder,
        global,
        hosts,
        proxies: Vec::new(),
    };
    let roles = reader.servers(field);
    (roles, reader.proxies)
}

/// Returns the names of the roles of the file, of those too that could not be read.
pub(super) fn role_names<'n>(root: &Record<'n>) -> Vec<&'n str> {
    match root.get(KEY.0).map(|field| &field.node.kind) {
        Some(Kind::Sequence(_)) => vec![WEB],
        Some(Kind::Mapping(entries)) => {
            let names = entries.iter().map(|entry| entry.key.text.as_str());
            names.collect()
        }
        None | Some(Kind::Null | Kind::Scalar { .. }) => Vec::new(),
    }
}

fn names(hosts: &[Tagged<'_>]) -> Vec<HostName> {
    hosts.iter().map(|tagged| tagged.host.clone()).collect()
}

struct Reader<'d, 'a, 'g, 'h, 's> {
    decoder: &'d mut Decoder<'a>,
    global: &'g Global<'g>,
    hosts: &'h mut Hosts<'s>,
    proxies: Vec<Settings>,
}

impl Reader<'_, '_, '_, '_, '_> {
    fn servers(&mut self, field: &Field<'_>) -> Vec<Role> {
        match &field.node.kind {
            Kind::Sequence(_) => {
                let hosts = self.hosts.tagged(self.decoder, field);
                let role = self.plain(WEB, &hosts);
                Vec::from_iter((!role.hosts.is_empty()).then_some(role))
            }
            Kind::Mapping(_) => self.roles(field),
            Kind::Null | Kind::Scalar { .. } => {
                let message = "`servers` must be a list of hosts or a map of roles";
                self.decoder.error(field.key, message, ONE_PER_LINE);
                Vec::new()
            }
        }
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
        name::check(self.decoder, "role", name, field);
        match &field.node.kind {
            Kind::Null if self.global.empty == EmptyRoles::Refused => {
                hosts::empty(self.decoder, field);
                None
            }
            Kind::Scalar { .. } => {
                let wanted = "a list of hosts or a map with `hosts`";
                let message = format!("role `{name}` must be {wanted}, not a single value");
                self.decoder.error(field.key, message, ONE_PER_LINE);
                None
            }
            Kind::Null | Kind::Sequence(_) => {
                let hosts = self.hosts_of(field);
                Some(self.plain(name, &hosts))
            }
            Kind::Mapping(_) => Some(self.map(name, field)),
        }
    }

    /// Reads the hosts of a role of a map.
    fn hosts_of<'n>(&mut self, field: &Field<'n>) -> Vec<Tagged<'n>> {
        let is_empty = match &field.node.kind {
            Kind::Null => true,
            Kind::Sequence(items) => items.is_empty(),
            Kind::Scalar { .. } | Kind::Mapping(_) => false,
        };
        match self.global.empty {
            EmptyRoles::Allowed if is_empty => Vec::new(),
            _ => self.hosts.tagged(self.decoder, field),
        }
    }

    /// Returns a role that has nothing but hosts.
    fn plain(&mut self, name: &str, hosts: &[Tagged<'_>]) -> Role {
        let env = &self.global.env;
        let mut role = Role {
            name: RoleName::from(name),
            hosts: names(hosts),
            replicas: replicas::DEFAULT,
            cmd: Vec::new(),
            env: env.to_env(),
            host_env: self.host_env(env, hosts),
            labels: self.global.labels.clone(),
            options: Vec::new(),
            traefik: name == self.global.served,
            healthcheck: None,
            stop_wait_time: None,
            stop_signal: self.global.stop_signal.clone(),
            quiet_signal: None,
            assets: None,
            logging: None,
            volumes: Vec::new(),
            proxy: Default::default(),
        };
        role.assets = self.global.assets.clone().filter(|_| role.traefik);
        self.route(&mut role, Settings::default());
        role
    }

    /// Adds what `proxy` says of a role that gets requests.
    fn route(&mut self, role: &mut Role, own: Settings) {
        let (router, check) = (&self.global.router, &self.global.healthcheck);
        self.proxies
            .extend(router.route(self.decoder, role, own, check));
    }

    /// Reads a role that has more than hosts.
    fn map(&mut self, name: &str, field: &Field<'_>) -> Role {
        let role = self.decoder.record(field, &ROLE_KEYS);
        let hosts = match role.get("hosts") {
            Some(hosts) => self.hosts_of(hosts),
            None => {
                self.decoder
                    .missing(field, "hosts", "list the hosts of the role");
                Vec::new()
            }
        };
        let proxy = proxy::of_role(self.decoder, &role);
        let traefik = self.traefik(name, &role, &proxy);
        if let Some(labels) = role.get("labels").filter(|_| !traefik) {
            self.check_unrouted(name, labels, role.get("traefik"));
        }
        let own = role.collect(self.decoder, "env", env::layer);
        let env = self.global.env.with(&own);
        let mut labels = self.global.labels.clone();
        labels.extend(role.collect(self.decoder, "labels", labels::decode_routed));
        let options = role.collect(self.decoder, "options", docker_options::decode);
        if let Some(field) = role.get("options").filter(|_| traefik) {
            self.check_routable(&options, field);
        }
        let replicas = replicas::decode(self.decoder, &role, &options);
        let healthcheck = match (role.get("healthcheck"), traefik) {
            (None, _) => None,
            (Some(field), true) => {
                let global = &self.global.healthcheck;
                Some(healthcheck::of_routed(self.decoder, field, global))
            }
            (Some(field), false) => healthcheck::of_unrouted(self.decoder, field),
        };
        let stop_signal = stop_signal::decode(self.decoder, &role);
        let assets = asset_path::decode(self.decoder, &role).or_else(|| self.global.assets.clone());
        match traefik {
            true => quiet_signal::refuse(self.decoder, &role),
            false => asset_path::check_unrouted(self.decoder, &role),
        }
        let mut role = Role {
            name: RoleName::from(name),
            hosts: names(&hosts),
            replicas,
            cmd: role.collect(self.decoder, "cmd", command::decode),
            env: env.to_env(),
            host_env: self.host_env(&env, &hosts),
            labels,
            options,
            traefik,
            healthcheck,
            stop_wait_time: stop_wait_time::of_role(self.decoder, &role),
            stop_signal: stop_signal.or_else(|| self.global.stop_signal.clone()),
            quiet_signal: quiet_signal::decode(self.decoder, &role),
            assets: assets.filter(|_| traefik),
            logging: logging::of_role(self.decoder, &role, self.global.logging.as_ref()),
            volumes: volumes::decode(self.decoder, &role),
            proxy: Default::default(),
        };
        self.route(&mut role, proxy.into_settings());
        role
    }

    /// Returns whether requests go to a role.
    fn traefik(&mut self, name: &str, role: &Record<'_>, proxy: &OfRole) -> bool {
        let traefik = role.get("traefik");
        if let (Some(field), OfRole::On(_) | OfRole::Off) = (traefik, proxy) {
            let message = format!("`{}` conflicts with `proxy`", field.path);
            self.decoder.error(field.key, message, "keep one of them");
        }
        match (proxy, traefik) {
            (OfRole::On(_), _) => true,
            (OfRole::Off, _) => false,
            (OfRole::Unset, Some(field)) => boolean::decode(self.decoder, field).unwrap_or(false),
            (OfRole::Unset, None) => name == self.global.served,
        }
    }

    /// Returns the environments of hosts with tags: those of the tags, in their order, over `env`.
    fn host_env(&mut self, env: &EnvLayer, hosts: &[Tagged<'_>]) -> BTreeMap<HostName, Env> {
        let mut environments = BTreeMap::new();
        for Tagged { host, tags } in hosts.iter().filter(|tagged| !tagged.tags.is_empty()) {
            let mut env = env.clone();
            for field in tags {
                let Some(tag) = self.decoder.filled(field) else {
                    continue;
                };
                match self.global.tags.get(&tag) {
                    Some(layer) => env = env.with(layer),
                    None => self.unknown_tag(host, &tag, field),
                }
            }
            environments.insert(host.clone(), env.to_env());
        }
        environments
    }

    fn unknown_tag(&mut self, host: &HostName, tag: &str, field: &Field<'_>) {
        let message = format!("unknown tag `{}` of host `{host}`", shown(tag));
        let known: Vec<&str> = self.global.tags.keys().map(String::as_str).collect();
        let help = match known.is_empty() {
            true => "define its variables in `env`, below `tags`".to_owned(),
            false => choice(tag, "tags", &known),
        };
        self.decoder.error(field.node.mark, message, help);
    }

    /// Reports labels of Traefik on a role to which it sends no requests: as an error, unless the role says so itself.
    fn check_unrouted(&mut self, role: &str, labels: &Field<'_>, traefik: Option<&Field<'_>>) {
        let entries = self.decoder.entries(labels);
        let mut routes = entries.iter().filter(|(label, _)| labels::is_route(label));
        let Some((label, field)) = routes.next() else {
            return;
        };
        let message = format!("label `{label}` has no effect: role `{role}` has no Traefik");
        match traefik {
            None => {
                let help = "set `traefik: true` for the role, or remove its labels of Traefik";
                self.decoder.error(field.key, message, help);
            }
            Some(_) => {
                let help = "remove the label, or `traefik: false`";
                self.decoder.warn(field.key, message, help);
            }
        }
    }

    /// Reports a network over which Traefik does not reach a container.
    fn check_routable(&mut self, options: &[DockerOption], field: &Field<'_>) {
        let unroutable = |option: &&DockerOption| {
            let network = ["network", "net"].contains(&option.name.as_str());
            let value = option.value.as_deref().unwrap_or("");
            network && (value == "host" || value == "none" || value.starts_with("container:"))
        };
        let Some(option) = options.iter().find(unroutable) else {
            return;
        };
        let mut entries = self.decoder.entries(field).into_iter();
        let entry = entries.find(|(name, _)| *name == option.name);
        let mark = entry.map_or(field.key, |(_, child)| child.key);
        let value = option.value.as_deref().unwrap_or("");
        let message = format!("`{}: {value}` conflicts with Traefik", option.name);
        let help = "Traefik reaches containers over a docker network: use another network, or set \
                    `traefik: false` for this role";
        self.decoder.error(mark, message, help);
    }
}
