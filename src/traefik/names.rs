//! Names inside a routing file, and references to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::label::{Entry, Key, Protocol, Section};
use super::spec::RouteSpec;

/// The name of mrsk's own router and middleware for the probe.
pub(super) const PROBE: &str = "mrsk-probe";
/// The name of mrsk's own servers transport.
pub(super) const TRANSPORT: &str = "mrsk-transport";

/// Returns `text` with every byte that is not an ASCII letter, a digit, `.`, `_` or `-` percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Returns the text that [`encoded`] made `text` of; nothing if it made none.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Returns the name of a file of Traefik's that begins as [`crate::traefik::file_name`] and ends with `end`.
pub(super) fn file(service: &str, destination: Option<&str>, role: &str, end: &str) -> String {
    let parts: Vec<String> = [service, role]
        .into_iter()
        .chain(destination)
        .map(encoded)
        .collect();
    format!("mrsk-{}.{end}", parts.join("@"))
}

/// Returns the names of the files of a role's certificate and its key. Traefik reads none of them as a routing file.
pub(super) fn certificate_files(
    service: &str,
    destination: Option<&str>,
    role: &str,
) -> [String; 2] {
    ["crt", "key"].map(|end| file(service, destination, role, end))
}

/// Which names the labels define, and what they are called in the file.
pub(super) struct Names {
    prefix: String,
    default: String,
    aliases: Vec<String>,
    /// The name as first written, by what it names and its lower-case form.
    defined: BTreeMap<Key, String>,
}

impl Names {
    /// Collects the names that `entries` define. In the file they begin with `prefix`.
    pub(super) fn new(spec: &RouteSpec, entries: &[Entry], prefix: &str) -> Self {
        let parts = [spec.service, spec.role]
            .into_iter()
            .chain(spec.destination);
        let parts: String = parts.map(|part| encoded(part) + ":").collect();
        let with_destination = |name: String| match spec.destination {
            Some(destination) => format!("{name}-{destination}"),
            None => name,
        };
        let role = format!("{}-{}", spec.service, spec.role);
        let default = with_destination(role.clone());
        let mut defined = BTreeMap::new();
        for entry in entries {
            defined
                .entry((entry.protocol, entry.section, entry.name.to_lowercase()))
                .or_insert_with(|| entry.name.clone());
        }
        let service = spec.service.to_owned();
        let with = with_destination(service.clone());
        let mut aliases = vec![default.clone(), role, with, service];
        // A label ends a name at its first dot.
        let dashed: Vec<String> = aliases
            .iter()
            .map(|alias| alias.replace('.', "-"))
            .collect();
        aliases.extend(dashed);
        Self {
            prefix: prefix.to_owned() + &parts,
            aliases,
            default,
            defined,
        }
    }

    /// Returns the name of the role's default HTTP router and service: `SERVICE-ROLE[-DESTINATION]`.
    pub(super) fn default(&self) -> &str {
        &self.default
    }

    /// Returns the name by which the labels mean `name`: in the case that was written first, and the default's name for
    /// the first of `SERVICE-ROLE-DESTINATION`, `SERVICE-ROLE`, `SERVICE-DESTINATION` and `SERVICE` that they define.
    pub(super) fn canonical(&self, protocol: Protocol, section: Section, name: &str) -> String {
        let key = |name: &str| (protocol, section, name.to_lowercase());
        let is_defined = |name: &String| self.defined.contains_key(&key(name));
        let written = self.defined.get(&key(name));
        if protocol == Protocol::Http && section != Section::Middlewares {
            let meant = self.aliases.iter().find(|alias| is_defined(alias));
            let mut aliases = self.aliases.iter();
            if meant.unwrap_or(&self.default).eq_ignore_ascii_case(name)
                || written.is_none() && aliases.any(|alias| alias.eq_ignore_ascii_case(name))
            {
                return self.default.clone();
            }
        }
        written.cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Returns what `entry` is about, with the name by which the labels mean it.
    pub(super) fn key(&self, entry: &Entry) -> Key {
        let name = self.canonical(entry.protocol, entry.section, &entry.name);
        (entry.protocol, entry.section, name)
    }

    /// Returns the name that `name` has in the file.
    pub(super) fn prefixed(&self, name: &str) -> String {
        format!("{}{}", self.prefix, encoded(name))
    }

    /// Returns a name in the file without what is put before it.
    pub(super) fn bare<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.prefix).unwrap_or(name)
    }

    /// Returns what a reference by name becomes: the prefixed name if the file defines it (also as `NAME@docker`),
    /// `NAME@docker` for another container's, and itself if it names another provider. `defined` holds canonical names.
    pub(super) fn reference(
        &self,
        defined: &BTreeSet<Key>,
        protocol: Protocol,
        section: Section,
        name: &str,
    ) -> String {
        let (bare, provider) = name.rsplit_once('@').unwrap_or((name, "docker"));
        if provider != "docker" {
            return name.to_owned();
        }
        let key = (protocol, section, self.canonical(protocol, section, bare));
        match defined.contains(&key) {
            true => self.prefixed(&key.2),
            false => format!("{bare}@docker"),
        }
    }

    /// Returns the name of the default retry middleware.
    pub(super) fn retry(&self) -> String {
        format!("{}-retry", self.default)
    }
}
