//! The tag that an image is pushed as: what it stands for already, and whether it may stand for something else.

use super::Draft;
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::facts::model::{Facts, SourceFacts};
use crate::facts::source;
use crate::name::HostName;
use crate::text::shorten;

/// What the registry has as a version.
pub(super) enum Tag<'a> {
    /// Nothing, or it was not asked.
    Unknown,
    /// An image with this registry digest, which was never routed on a host that is known.
    Unused(&'a str),
    /// An image with this registry digest, which was routed on a host.
    Routed(&'a str, &'a HostName),
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
        match routed {
            Some((host, _)) => Self::Routed(digest, host),
            None => Self::Unused(digest),
        }
    }
}

/// Returns the digest of the image that is used as it is, since it was routed already and is built from the same source; `None` if an
/// image is to be built.
pub fn built_before<'a>(config: &Config, facts: &'a Facts, version: &str) -> Option<&'a str> {
    match Tag::of(config, facts, version) {
        Tag::Routed(digest, _) if is_of(version, facts.source.as_ref()?) => Some(digest),
        _ => None,
    }
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
        Tag::Routed(digest, host) => {
            let message = format!(
                "the registry has {} as {digest}, which was routed on {host}: it is not overwritten",
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
