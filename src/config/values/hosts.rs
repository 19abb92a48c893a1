//! The hosts of a configuration: each once, however often and wherever it is named.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::host::{self, HostSpec};
use crate::config::decoder::{Decoder, Field, shown};
use crate::config::model::{Host, Ssh};
use crate::config::node::{Kind, Mark};
use crate::config::schema::described;
use crate::diagnostic::Place;
use crate::name::HostName;

/// Returns the schema of a list of hosts that is not empty.
pub(crate) fn schema(description: &str) -> Value {
    json!({ "type": "array", "items": host::schema(), "minItems": 1, "uniqueItems": true, "description": description })
}

/// Returns the schema of one host, or of a list of hosts, each perhaps with tags. It may be empty where the whole file says so.
pub(crate) fn any_schema(description: &str) -> Value {
    let mut list = tagged_schema(description);
    list["type"] = json!(["array", "null"]);
    described(description, json!({ "anyOf": [host::schema(), list] }))
}

/// Returns the schema of one host, or of a list of hosts that is not empty.
pub(crate) fn one_or_more_schema(description: &str) -> Value {
    let kinds = json!({ "anyOf": [host::schema(), schema(description)] });
    described(description, kinds)
}

/// Returns the schema of a list of hosts of a role, each perhaps with tags. It may be empty where the whole file says so.
pub(crate) fn tagged_schema(description: &str) -> Value {
    let tag =
        json!({ "type": "string", "minLength": 1, "description": "A name below `env.tags`." });
    let tags = json!({ "anyOf": [tag, { "type": ["array", "null"], "items": tag, "description": "Tags, the last wins." }] });
    let with_tags = json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": { "pattern": host::PATTERN },
        "additionalProperties": tags,
        "description": "A host and its tags.",
    });
    let item = json!({ "anyOf": [host::schema(), with_tags] });
    json!({ "type": "array", "items": item, "uniqueItems": true, "description": description })
}

/// A host, and the tags that stand beside it.
pub(crate) struct Tagged<'n> {
    /// The host.
    pub(crate) host: HostName,
    /// The tags.
    pub(crate) tags: Vec<Field<'n>>,
}

/// The help about what is not a host.
const FORMS: &str = "use `host`, `user@host`, `host:port` or `user@host:port`; for IPv6 with a port \
                     `[2001:db8::1]:22`";

/// The hosts that were read so far.
pub(crate) struct Hosts<'s> {
    ssh: &'s Ssh,
    all: Vec<Host>,
    /// Each with the place where it was read first.
    seen: BTreeMap<String, (Host, Place)>,
}

impl<'s> Hosts<'s> {
    /// Returns no hosts. `ssh` says how those are reached that do not say so themselves.
    pub(crate) fn new(ssh: &'s Ssh) -> Self {
        Self {
            ssh,
            all: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Returns every host once, in the order in which they were read.
    pub(crate) fn all(&self) -> &[Host] {
        &self.all
    }

    /// Reads a list of hosts, and reports one without any. A single host is a list of one.
    pub(crate) fn list(&mut self, decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<HostName> {
        if matches!(field.node.kind, Kind::Scalar { .. }) {
            return self.one(decoder, field).into_iter().collect();
        }
        let items = decoder.items(field);
        if items.is_empty() && matches!(field.node.kind, Kind::Null | Kind::Sequence(_)) {
            empty(decoder, field);
        }
        let mut inside = BTreeSet::new();
        let read = |item| self.read(decoder, item, &mut inside);
        items.iter().filter_map(read).collect()
    }

    /// Reads a list of hosts as [`Hosts::list`] does, in which a host may have tags: `- HOST: TAG` or `- HOST: [TAG, …]`.
    pub(crate) fn tagged<'n>(
        &mut self,
        decoder: &mut Decoder<'_>,
        field: &Field<'n>,
    ) -> Vec<Tagged<'n>> {
        let items = match field.node.kind {
            Kind::Sequence(_) => decoder.items(field),
            _ => {
                let hosts = self.list(decoder, field).into_iter();
                let tags = Vec::new;
                return hosts.map(|host| Tagged { host, tags: tags() }).collect();
            }
        };
        if items.is_empty() {
            empty(decoder, field);
        }
        let mut inside = BTreeSet::new();
        let mut tagged = Vec::new();
        for item in &items {
            let (host, tags) = match &item.node.kind {
                Kind::Mapping(entries) if entries.len() == 1 => {
                    let (_, tags) = item.children().remove(0);
                    let key = &entries[0].key;
                    let host = self.parse(decoder, &key.text, key.mark, &mut inside);
                    (host, tags_of(decoder, &tags))
                }
                Kind::Mapping(_) => {
                    let message = format!("`{}` is not a host with tags", item.path);
                    let help = "write one `- HOST: TAG` or `- HOST: [TAG, TAG]` per line";
                    decoder.error(item.key, message, help);
                    (None, Vec::new())
                }
                _ => (self.read(decoder, item, &mut inside), Vec::new()),
            };
            tagged.extend(host.map(|host| Tagged { host, tags }));
        }
        tagged
    }

    /// Reads a host.
    pub(crate) fn one(&mut self, decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<HostName> {
        self.read(decoder, field, &mut BTreeSet::new())
    }

    fn read(
        &mut self,
        decoder: &mut Decoder<'_>,
        field: &Field<'_>,
        inside: &mut BTreeSet<String>,
    ) -> Option<HostName> {
        let text = decoder.filled(field)?;
        self.parse(decoder, &text, field.node.mark, inside)
    }

    fn parse(
        &mut self,
        decoder: &mut Decoder<'_>,
        text: &str,
        mark: Mark,
        inside: &mut BTreeSet<String>,
    ) -> Option<HostName> {
        match HostSpec::parse(text) {
            Ok(spec) => self.host(decoder, spec, mark, inside),
            Err(reason) => {
                let message = format!("invalid host `{}`: {reason}", shown(text));
                decoder.error(mark, message, FORMS);
                None
            }
        }
    }

    fn host(
        &mut self,
        decoder: &mut Decoder<'_>,
        spec: HostSpec,
        mark: Mark,
        inside: &mut BTreeSet<String>,
    ) -> Option<HostName> {
        let identity = spec.identity();
        let host = Host {
            name: HostName::from(spec.name),
            user: spec.user.unwrap_or_else(|| self.ssh.user.clone()),
            port: spec.port.or(self.ssh.port),
        };
        if !inside.insert(identity.clone()) {
            let message = format!("duplicate host `{}`", host.name);
            decoder.error(mark, message, "remove one of them");
            return None;
        }
        let name = host.name.clone();
        match self.seen.get(&identity) {
            Some((seen, place)) if *seen != host => {
                let message = format!(
                    "conflicting definitions of host `{name}`: `{}` here, `{}` in {}",
                    as_written(&host),
                    as_written(seen),
                    decoder.seen_from(mark, place)
                );
                let help = "use the same name, user and port everywhere";
                decoder.error(mark, message, help);
            }
            Some(_) => {}
            None => {
                self.all.push(host.clone());
                self.seen.insert(identity, (host, decoder.place(mark)));
            }
        }
        Some(name)
    }
}

/// Reads one tag, or a list of tags. Nothing is no tag.
fn tags_of<'n>(decoder: &mut Decoder<'_>, field: &Field<'n>) -> Vec<Field<'n>> {
    match field.node.kind {
        Kind::Scalar { .. } => vec![field.clone()],
        _ => decoder.items(field),
    }
}

/// Reports that no host stands where there must be one.
pub(crate) fn empty(decoder: &mut Decoder<'_>, field: &Field<'_>) {
    let message = format!("`{}` has no hosts", field.path);
    decoder.error(
        field.key,
        message,
        "list at least one host, or remove the key",
    );
}

/// Returns `user@host[:port]`.
fn as_written(host: &Host) -> String {
    let (user, name) = (&host.user, &host.name);
    match host.port {
        Some(port) if name.as_str().contains(':') => format!("{user}@[{name}]:{port}"),
        Some(port) => format!("{user}@{name}:{port}"),
        None => format!("{user}@{name}"),
    }
}
