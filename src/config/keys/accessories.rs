//! `accessories`: long-lived services that the app depends on, such as a database.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::accessory_proxy::{self, Served};
use super::allow_empty_roles::EmptyRoles;
use super::env;
use super::{accessory_files, servers};
use crate::config::decoder::{Decoder, Field, Record, choice, shown};
use crate::config::model::{Accessory, AccessoryDirectory, DockerOption, Role};
use crate::config::node::Kind;
use crate::config::proxy::Settings;
use crate::config::schema::{self, Property, described, nullable, record};
use crate::config::values::hosts::{self, Hosts};
use crate::config::values::mount;
use crate::config::values::{
    command, docker_options, host, image_reference, labels, name, port, texts, volume,
};
use crate::name::HostName;

pub(super) const KEY: Property = ("accessories", schema);

/// The word that stands for every accessory on the command line.
const ALL: &str = "all";

/// The keys that say where an accessory runs.
const PLACES: [&str; 4] = ["host", "hosts", "role", "roles"];

const KEYS: [Property; 14] = [
    ("image", || image_reference::schema("Its image, with tag.")),
    ("host", || {
        described("The host that it runs on.", nullable(host::schema()))
    }),
    ("hosts", || {
        let hosts = hosts::one_or_more_schema("The hosts that it runs on.");
        described(
            "The hosts that it runs on.",
            json!({ "anyOf": [hosts, { "type": "null" }] }),
        )
    }),
    ("role", || {
        let roles = schema::list("Roles.", &role_schema());
        let kinds = json!({ "anyOf": [role_schema(), roles, { "type": "null" }] });
        described(
            "The role, or a list of roles, on whose hosts it runs.",
            kinds,
        )
    }),
    ("roles", || {
        let roles = schema::list("Roles.", &role_schema());
        let kinds = json!({ "anyOf": [role_schema(), roles] });
        described("The roles on whose hosts it runs.", kinds)
    }),
    ("port", port::mapping_schema),
    ("cmd", command::schema),
    ("env", || env::schema("Environment of its container.")),
    ("files", accessory_files::schema),
    ("directories", || {
        schema::list(
            "Directories to make on the host and mount, as `HOST:PATH_IN_CONTAINER[:MODE]`.",
            &mount::schema("Directory."),
        )
    }),
    ("volumes", || {
        texts::list_schema("What docker's `--volume` takes.")
    }),
    ("labels", || labels::schema("Labels of its container.")),
    accessory_proxy::KEY,
    ("options", || {
        docker_options::schema("Options of `docker create`.")
    }),
];

fn schema() -> Value {
    described(
        "Services that the app depends on, such as a database, by name.",
        json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": name::PATTERN, "not": { "const": ALL } },
            "additionalProperties": record("A service that the app depends on.", &KEYS),
        }),
    )
}

fn role_schema() -> Value {
    json!({ "type": "string", "minLength": 1, "description": "Name of a role." })
}

/// What accessories are read beside.
pub(super) struct Beside<'a> {
    /// The service.
    pub(super) service: &'a str,
    /// The roles, on whose hosts they may run.
    pub(super) roles: &'a [Role],
    /// Whether a role may have no hosts.
    pub(super) empty: EmptyRoles,
}

/// Reads `accessories`. Hosts that only they have are added to `hosts`, and what their `proxy` says to `proxies`.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    beside: &Beside<'_>,
    hosts: &mut Hosts<'_>,
    proxies: &mut Vec<Settings>,
) -> Vec<Accessory> {
    let entries = root.collect(decoder, KEY.0, Decoder::entries);
    let mut reader = Reader {
        decoder,
        service: beside.service,
        roles: beside.roles,
        known: servers::role_names(root),
        empty: beside.empty,
        hosts,
        proxies,
    };
    entries
        .iter()
        .filter_map(|(name, child)| reader.accessory(name, child))
        .collect()
}

struct Reader<'d, 'a, 'r, 'h, 's> {
    decoder: &'d mut Decoder<'a>,
    service: &'r str,
    roles: &'r [Role],
    /// The names of the roles, of those too that could not be read.
    known: Vec<&'r str>,
    empty: EmptyRoles,
    hosts: &'h mut Hosts<'s>,
    proxies: &'d mut Vec<Settings>,
}

impl Reader<'_, '_, '_, '_, '_> {
    fn accessory(&mut self, name: &str, field: &Field<'_>) -> Option<Accessory> {
        self.check_name(name, field);
        let record = self.decoder.record(field, &KEYS);
        if !matches!(field.node.kind, Kind::Mapping(_) | Kind::Null) {
            return None;
        }
        if record.get("image").is_none() {
            let help = "set the image of its container, such as `image: mysql:8.0`";
            self.decoder.missing(field, "image", help);
        }
        let hosts = self.place(name, field, &record);
        let mut paths = BTreeSet::new();
        let files = self.mounted(
            record.get("files"),
            &mut paths,
            accessory_files::decode,
            |file| &file.remote,
        );
        let directories = self.mounted(record.get("directories"), &mut paths, directory, |one| {
            &one.container
        });
        let own = record.collect(self.decoder, "env", env::layer);
        let options = record.collect(self.decoder, "options", docker_options::decode);
        let labels = self.labels(name, &record, &hosts, &options);
        Some(Accessory {
            name: name.to_owned(),
            image: record.read_or(self.decoder, "image", image_reference::decode, ""),
            hosts,
            publish: record.read(self.decoder, "port", port::decode_mapping),
            cmd: record.collect(self.decoder, "cmd", command::decode),
            env: own.to_env(),
            files,
            directories,
            volumes: record.collect(self.decoder, "volumes", volume::decode_list),
            labels,
            options,
        })
    }

    /// Returns the labels, with those that `proxy` becomes and the file does not set itself.
    fn labels(
        &mut self,
        name: &str,
        record: &Record<'_>,
        hosts: &[HostName],
        options: &[DockerOption],
    ) -> BTreeMap<String, String> {
        let own = record.collect(self.decoder, "labels", labels::decode);
        let served = Served {
            container: &format!("{}-{name}", self.service),
            hosts,
            options,
            roles: self.roles,
        };
        let Some((mut labels, settings)) = accessory_proxy::decode(self.decoder, record, &served)
        else {
            return own;
        };
        self.proxies.push(settings);
        labels.extend(own);
        labels
    }

    /// Checks the name: it becomes part of the container's, and is a word of the command line.
    fn check_name(&mut self, name: &str, field: &Field<'_>) {
        if !name::check(self.decoder, "accessory", name, field) {
            return;
        }
        if name == ALL {
            let help = "`mrsk accessory` uses it for all accessories: choose another name";
            self.decoder
                .invalid::<()>(field.key, "accessory name", ALL, help);
        } else if let Some(role) = self.known.iter().find(|role| is_version_of(name, role)) {
            let message =
                format!("accessory name `{name}` conflicts with container names of role `{role}`");
            let help = "role containers are named `SERVICE-ROLE-VERSION`: choose another name";
            self.decoder.error(field.key, message, help);
        }
    }

    /// Returns the hosts, which stand under one of [`PLACES`]. A key without a value does not count, so that a
    /// destination's file can take one out.
    fn place(&mut self, name: &str, field: &Field<'_>, record: &Record<'_>) -> Vec<HostName> {
        let given = PLACES
            .iter()
            .filter_map(|key| Some((*key, record.get(key)?)));
        let (empty, full): (Vec<_>, Vec<_>) = given.partition(|(_, field)| field.is_null());
        match (full.as_slice(), empty.as_slice()) {
            ([(key, place)], _) => match (*key, &place.node.kind) {
                ("host", _) => self.hosts.one(self.decoder, place).into_iter().collect(),
                ("hosts", _) => self.hosts.list(self.decoder, place),
                ("role" | "roles", Kind::Scalar { .. }) => {
                    self.of_roles(std::slice::from_ref(place))
                }
                _ => self.of_role_list(place),
            },
            ([], [(_, place), ..]) => {
                hosts::empty(self.decoder, place);
                Vec::new()
            }
            ([], []) => {
                let message = format!("accessory `{}` has no host", shown(name));
                let help = "set `host`, `hosts`, `role` or `roles`";
                self.decoder.error(field.key, message, help);
                Vec::new()
            }
            ([(first, _), others @ ..], _) => {
                for (other, place) in others {
                    let name = shown(name);
                    let message = format!("accessory `{name}` sets both `{first}` and `{other}`");
                    let removes = "without a value removes it";
                    let help =
                        format!("keep one of them; in a destination's file, `{first}:` {removes}");
                    self.decoder.error(place.key, message, help);
                }
                Vec::new()
            }
        }
    }

    fn of_role_list(&mut self, field: &Field<'_>) -> Vec<HostName> {
        let items = self.decoder.items(field);
        if items.is_empty() && matches!(field.node.kind, Kind::Sequence(_)) {
            let message = format!("`{}` has no roles", field.path);
            self.decoder
                .error(field.key, message, "list at least one role");
        }
        self.of_roles(&items)
    }

    /// Returns the hosts of the roles that `items` name, in the order of the file.
    fn of_roles(&mut self, items: &[Field<'_>]) -> Vec<HostName> {
        let mut wanted = BTreeSet::new();
        for item in items {
            let Some(name) = self.decoder.filled(item) else {
                continue;
            };
            // Without readable `servers` that is what has to be reported.
            if !self.known.is_empty() && !self.known.contains(&name.as_str()) {
                let message = format!("unknown role `{}`", shown(&name));
                let help = choice(&name, "roles", &self.known);
                self.decoder.error(item.node.mark, message, help);
            }
            let role = self.roles.iter().find(|role| role.name.as_str() == name);
            if self.empty == EmptyRoles::Allowed && role.is_some_and(|role| role.hosts.is_empty()) {
                let message = format!("role `{name}` has no hosts for the accessory");
                let help = "list its hosts, or name another role";
                self.decoder.error(item.node.mark, message, help);
            }
            wanted.extend(role.iter().flat_map(|role| &role.hosts));
        }
        let all = self.hosts.all().iter().map(|host| &host.name);
        all.filter(|name| wanted.contains(name)).cloned().collect()
    }

    /// Returns what is mounted at a `path` in the container. No two may have the same.
    fn mounted<T>(
        &mut self,
        field: Option<&Field<'_>>,
        paths: &mut BTreeSet<String>,
        decode: impl Fn(&mut Decoder<'_>, &Field<'_>) -> Option<T>,
        path: impl Fn(&T) -> &String,
    ) -> Vec<T> {
        let items = field.map(|field| self.decoder.items(field));
        let mut mounts = Vec::new();
        for item in items.unwrap_or_default() {
            let Some(mount) = decode(self.decoder, &item) else {
                continue;
            };
            if !paths.insert(path(&mount).clone()) {
                let message = format!("duplicate mount path `{}`", shown(path(&mount)));
                let help = "use a different container path for each file and directory";
                self.decoder.error(item.node.mark, message, help);
            }
            mounts.push(mount);
        }
        mounts
    }
}

fn directory(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<AccessoryDirectory> {
    let (host, container, mode) = mount::decode(decoder, field, mount::Kind::Directory)?;
    Some(AccessoryDirectory {
        host,
        container,
        mode,
    })
}

/// Whether `name` is that of a role and, after a dash, what begins as a commit does: the version that
/// containers have by default.
fn is_version_of(name: &str, role: &str) -> bool {
    let rest = name
        .strip_prefix(role)
        .and_then(|rest| rest.strip_prefix('-'));
    let version = rest.and_then(|rest| rest.rsplit('-').next());
    let digits = version.map(|version| version.bytes().take_while(u8::is_ascii_hexdigit).count());
    matches!(digits, Some(40 | 64))
}

#[cfg(test)]
mod tests {
    use super::*;

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
