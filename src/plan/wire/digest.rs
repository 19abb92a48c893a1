//! The digest of a plan: of its RFC 8785 form without the key `digest`. The canonical bytes are handed
//! to the hash as they are made, a step or host at a time.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::digest::Hasher;
use crate::json::canonical::{self, Canonical, Members};
use crate::name::PlanDigest;
use crate::plan::model::Plan;

/// What a plan file says of itself.
pub(super) struct Document {
    /// Its format version, if it is a text.
    pub format_version: Option<String>,
    /// The digest of its content.
    pub digest: PlanDigest,
}

impl Document {
    /// Reads a plan file strictly.
    pub(super) fn read(text: &str) -> serde_json::Result<Self> {
        let members = Members::read(text)?;
        let mut hash = Hash::default();
        for (key, member) in members.iter() {
            if key != b"\"digest\"" {
                hash.separate();
                hash.hasher.add(member);
            }
        }
        Ok(Self {
            format_version: members.text("format_version"),
            digest: hash.finish(),
        })
    }
}

/// Returns the digest of a plan.
pub(super) fn of(plan: &Plan) -> serde_json::Result<PlanDigest> {
    // A field that is missing here does not compile; the order is that of the names.
    let Plan {
        config,
        contents,
        digest: _,
        format_version,
        hosts,
        image,
        lock_host,
        max_failures,
        operation,
        pre_connect,
        secret_commands,
        secrets,
        secrets_files,
        service,
        source,
        steps,
        unchanged,
        version,
        warnings,
    } = plan;
    let mut hash = Hash::default();
    hash.member("config", config)?;
    hash.map("contents", contents)?;
    hash.member("format_version", format_version)?;
    hash.map("hosts", hosts)?;
    hash.member("image", image)?;
    hash.member("lock_host", lock_host)?;
    if *max_failures > 0 {
        hash.member("max_failures", max_failures)?;
    }
    hash.member("operation", operation)?;
    if let Some(run) = pre_connect {
        hash.member("pre_connect", run)?;
    }
    if !secret_commands.is_empty() {
        hash.map("secret_commands", secret_commands)?;
    }
    hash.member("secrets", secrets)?;
    if !secrets_files.is_empty() {
        hash.list("secrets_files", secrets_files)?;
    }
    hash.member("service", service)?;
    if let Some(source) = source {
        hash.member("source", source)?;
    }
    hash.list("steps", steps)?;
    hash.list("unchanged", unchanged)?;
    if let Some(version) = version {
        hash.member("version", version)?;
    }
    hash.member("warnings", warnings)?;
    Ok(hash.finish())
}

/// An object whose canonical bytes are hashed.
#[derive(Default)]
struct Hash {
    hasher: Hasher,
    canonical: Canonical,
    has_members: bool,
}

impl Hash {
    /// Ends the member before, if there is one.
    fn separate(&mut self) {
        let before: &[u8] = if self.has_members { b"," } else { b"{" };
        self.hasher.add(before);
        self.has_members = true;
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> serde_json::Result<()> {
        let hasher = &mut self.hasher;
        self.canonical.write(value, |bytes| hasher.add(bytes))
    }

    /// Begins the member `key`. Keys come in their order.
    fn key(&mut self, key: &str) -> serde_json::Result<()> {
        self.separate();
        self.value(key)?;
        self.hasher.add(b":");
        Ok(())
    }

    fn member<T: Serialize>(&mut self, key: &str, value: &T) -> serde_json::Result<()> {
        self.key(key)?;
        self.value(value)
    }

    fn list<T: Serialize>(&mut self, key: &str, elements: &[T]) -> serde_json::Result<()> {
        self.key(key)?;
        let mut before: &[u8] = b"[";
        for element in elements {
            self.hasher.add(before);
            self.value(element)?;
            before = b",";
        }
        self.hasher
            .add(if elements.is_empty() { b"[]" } else { b"]" });
        Ok(())
    }

    fn map<K: AsRef<str>, V: Serialize>(
        &mut self,
        key: &str,
        map: &BTreeMap<K, V>,
    ) -> serde_json::Result<()> {
        self.key(key)?;
        let mut entries: Vec<(&str, &V)> = map
            .iter()
            .map(|(key, value)| (key.as_ref(), value))
            .collect();
        entries.sort_by(|(one, _), (other, _)| canonical::order(one, other));
        let mut before: &[u8] = b"{";
        for (key, value) in entries {
            self.hasher.add(before);
            self.value(key)?;
            self.hasher.add(b":");
            self.value(value)?;
            before = b",";
        }
        self.hasher.add(if map.is_empty() { b"{}" } else { b"}" });
        Ok(())
    }

    fn finish(mut self) -> PlanDigest {
        let end: &[u8] = if self.has_members { b"}" } else { b"{}" };
        self.hasher.add(end);
        PlanDigest::from_digits(&self.hasher.finish())
    }
}
