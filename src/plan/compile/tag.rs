//! The tag that an image is pushed as: what it stands for already, and whether it may stand for something else.

use std::collections::BTreeSet;
use std::fmt;

use super::Draft;
use super::identity::identity;
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::docker::names::LABEL_SOURCE;
use crate::facts::model::{ContainerFacts, Facts, SourceFacts};
use crate::facts::source;
use crate::name::HostName;
use crate::text::shorten;

/// What the registry has as a version.
pub(super) enum Tag<'a> {
    /// Nothing, or it was not asked.
    Unknown,
    /// An image with this registry digest, which no known host has routed or uses.
    Unused(&'a str),
    /// An image with this registry digest, which a host uses.
    Used(&'a str, User<'a>),
}

/// A container with its host and its name.
type Placed<'a> = (&'a HostName, &'a str, &'a ContainerFacts);

/// Where an image is used, or was.
pub(super) enum User<'a> {
    /// It was routed on this host.
    Routed(&'a HostName),
    /// A container of the service has it, of another destination or of a role without Traefik.
    Has {
        host: &'a HostName,
        container: &'a str,
    },
}

impl fmt::Display for User<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Routed(host) => write!(f, "was routed on {host}"),
            Self::Has { host, container } => write!(f, "{container} on {host} uses"),
        }
    }
}

impl<'a> Tag<'a> {
    /// Returns what the registry has as `version`.
    pub fn of(config: &Config, facts: &'a Facts, version: &str) -> Self {
        let Some(digest) = facts.registry.get(&image::reference(config, version)) else {
            return Self::Unknown;
        };
        let mut hosts = facts.hosts.iter();
        let routed = hosts.find(|(_, host)| {
            let mut routes = host.routed.iter();
            routes.any(|route| route.version == version && route.digest.as_ref() == Some(digest))
        });
        if let Some((host, _)) = routed {
            return Self::Used(digest, User::Routed(host));
        }
        match users(config, facts, digest).first() {
            Some(&(host, container, _)) => Self::Used(digest, User::Has { host, container }),
            None => Self::Unused(digest),
        }
    }
}

/// Returns the containers of the service, of any destination, that have the image with this registry digest.
fn users<'a>(config: &Config, facts: &'a Facts, digest: &str) -> Vec<Placed<'a>> {
    let mut found = Vec::new();
    for (name, host) in &facts.hosts {
        let images = host.images.values();
        let images = images.filter(|image| image.digests.contains(digest));
        let ids: BTreeSet<&str> = images.map(|image| image.id.as_str()).collect();
        let containers = host.containers.iter().filter(|(_, container)| {
            container.labels.get("service") == Some(&config.service)
                && ids.contains(container.image_id.as_str())
        });
        found.extend(containers.map(|(container, facts)| (name, container.as_str(), facts)));
    }
    found
}

/// Returns the digest of the image that is used as it is, since a host uses it already and it is built from the same source; `None` if
/// an image is to be built.
pub fn built_before<'a>(config: &Config, facts: &'a Facts, version: &str) -> Option<&'a str> {
    let Tag::Used(digest, _) = Tag::of(config, facts, version) else {
        return None;
    };
    let source = facts.source.as_ref()?;
    let identity = identity(source, &config.builder);
    // A container has the labels of its image. One that was built elsewhere has none.
    let is_other = users(config, facts, digest)
        .iter()
        .any(|(_, _, container)| {
            let built = container.labels.get(LABEL_SOURCE);
            built.is_some_and(|built| *built != identity)
        });
    (is_of(version, source) && !is_other).then_some(digest)
}

/// Returns whether a version stands for what is checked out, with its changes.
fn is_of(version: &str, source: &SourceFacts) -> bool {
    source::default_version(source).as_deref() == Some(version)
        || source.changes.is_none() && is_commit(version) && is_checked_out(version, source)
}

/// Returns whether the commit that a version names has the tree that is checked out.
fn is_checked_out(version: &str, source: &SourceFacts) -> bool {
    let is_head = source
        .commit
        .as_ref()
        .is_some_and(|commit| commit.starts_with(version));
    let named = source.named.get(version);
    is_head || named.is_some() && named == source.tree.as_ref()
}

/// Returns whether `version` looks like the id of a commit, or the beginning of one. A short one of digits alone may be a date.
pub fn is_commit(version: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let has_letter = version.bytes().any(|byte| byte.is_ascii_lowercase());
    let length = version.len();
    version.bytes().all(is_hex)
        && (matches!(length, 40 | 64) || (7..40).contains(&length) && has_letter)
}

/// Refuses to build what would be taken for something else: another commit, or the image that is routed.
pub(super) fn check(draft: &mut Draft, source: &SourceFacts) {
    let version = draft.version;
    if let Some(commit) = &source.commit
        && is_commit(version)
        && !is_checked_out(version, source)
    {
        let what = match source.named.contains_key(version) {
            true => "is another commit than what is checked out",
            false => "looks like a commit, and git does not know it here",
        };
        let message = format!("version {version} {what} ({})", shorten(commit));
        return draft.refuse(Diagnostic::error(message).help(format!(
            "`mrsk rollback {version}` goes back to it, `mrsk deploy --skip-push --version {version}` deploys its \
             image from the registry; to build it, check it out"
        )));
    }
    match Tag::of(draft.config, draft.facts, version) {
        Tag::Unknown => {}
        Tag::Unused(digest) => {
            let image = draft.image_name();
            draft.warn(format!(
                "the registry has {image} already, as {digest}: the push replaces it"
            ));
        }
        Tag::Used(digest, user) => {
            let message = format!(
                "the registry has {} as {digest}, which {user}: it is not overwritten",
                draft.image_name()
            );
            draft.refuse(Diagnostic::error(message).help(
                "pass another --version, or --skip-push to deploy the image that the registry has",
            ));
        }
    }
}

#[cfg(test)]
#[path = "tag_tests.rs"]
mod tests;
