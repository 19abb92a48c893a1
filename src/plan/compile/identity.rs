//! What an image is built from, as one digest.

use crate::config::model::Builder;
use crate::digest;
use crate::facts::model::SourceFacts;
use crate::name::Sha256Hex;

/// Returns the digest of what is built: the tree of the context (else the commit) and what differs
/// from it, the Dockerfile, the build arguments, and the platforms, the stage and the attestations if they are named.
pub fn identity(source: &SourceFacts, builder: &Builder) -> String {
    let parts = [
        source.tree.as_deref().or(source.commit.as_deref()),
        source.changes.as_ref().map(Sha256Hex::as_str),
        Some(source.context.as_str()),
        source.dockerfile_sha256.as_ref().map(Sha256Hex::as_str),
    ];
    let platforms = builder.kind.platforms();
    let secret_args: Vec<String> = builder
        .secret_args
        .iter()
        .map(ToString::to_string)
        .collect();
    let args = builder
        .args
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let text: Vec<&str> = parts
        .into_iter()
        .map(Option::unwrap_or_default)
        .chain(args)
        .chain(platforms.iter().map(String::as_str))
        .chain(builder.target.as_deref())
        .chain(secret_args.iter().map(String::as_str))
        .chain(builder.provenance.as_deref())
        .chain(builder.sbom.as_deref())
        .collect();
    digest::prefixed(&digest::sha256(text.join("\0").as_bytes()))
}
