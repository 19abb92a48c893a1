//! Builds the image and pushes it, from this machine.

use crate::config::model::Builder;
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::docker::builder::Buildx;
use crate::docker::image;
use crate::facts::model::SourceFacts;
use crate::name::Sha256Hex;
use crate::plan::compile::draft::Draft;
use crate::plan::compile::placement::Decision;
use crate::plan::compile::step::{EMULATED_SILENCE, INSTALL, SILENCE, StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::{Reason, Travel};

/// Adds a build and a push, unless nothing is started or `--skip-push` was asked for.
pub fn run(draft: &mut Draft) {
    let mut reasons = draft
        .placements
        .iter()
        .filter_map(|placement| match &placement.decision {
            Decision::Replace { why, .. } => Some(why),
            _ => None,
        });
    let Some(first) = reasons.next() else {
        draft.unchanged(None, "image", "every host already runs it");
        return;
    };
    let why = std::iter::once(first)
        .chain(reasons)
        .find(|why| matches!(why, Reason::VersionChanged { .. }))
        .cloned()
        .unwrap_or_else(|| Reason::NeededBy {
            what: "the new containers have an image".into(),
        });
    if draft.operation.skips_push() {
        let reason = match draft.image_digest {
            Some(digest) => format!("--skip-push: the registry has it as {digest}"),
            None => {
                draft.warnings.push(
                    "the registry returned no digest for this version: each host pulls what the tag points to".into(),
                );
                "--skip-push: pulled by its tag".into()
            }
        };
        draft.unchanged(None, "image", reason);
        return;
    }
    let Some(source) = draft.facts.source.as_ref() else {
        draft.errors.push(
            Diagnostic::error("the facts have no source to build the image from")
                .help("run `mrsk inspect` where the image is built, or deploy a pushed version with --skip-push"),
        );
        return;
    };
    if source.dockerfile_sha256.is_none() {
        draft.errors.push(
            Diagnostic::error(format!("no Dockerfile at {}", source.dockerfile))
                .help("create it, or name another with `builder: {dockerfile: PATH}`"),
        );
        return;
    }
    warn(draft, source);
    add(draft, source, why);
}

fn warn(draft: &mut Draft, source: &SourceFacts) {
    if source.changes.is_some() {
        draft
            .warnings
            .push("uncommitted changes to tracked files are built into the image".into());
    }
    if source.commit.is_none() {
        draft.warnings.push(
            "not in a git repository: apply cannot check that it builds the planned source".into(),
        );
    }
    if !source.untracked.is_empty() {
        draft.warnings.push(format!(
            "untracked files are built into the image: {}",
            source.untracked.join(", ")
        ));
    }
}

fn add(draft: &mut Draft, source: &SourceFacts, why: Reason) {
    let identity = identity(source, &draft.config.builder);
    match Buildx::of(draft.config) {
        None => by_engine(draft, source, why, &identity),
        Some(buildx) => by_buildx(draft, source, why, &identity, &buildx),
    }
}

/// An engine builds, and then pushes what it has.
fn by_engine(draft: &mut Draft, source: &SourceFacts, why: Reason, identity: &str) {
    let config = draft.config;
    let version = draft.version;
    let build = StepBuilder::new(
        step_id(None, "image", version, "build"),
        StepKind::Build,
        None,
        format!("Build {}", draft.image_name()),
        why,
    )
    .runs([image::build(
        config,
        version,
        &source.dockerfile,
        &source.context,
        identity,
    )])
    .secrets(&config.builder.secrets, Travel::BuildSecret)
    .done_when_local(image::build_check(config, version, identity))
    .needs(draft.find(None, StepKind::RegistryLogin))
    .silence(SILENCE)
    .build();
    let build = draft.add(build);
    let push = StepBuilder::new(
        step_id(None, "image", version, "push"),
        StepKind::Push,
        None,
        format!("Push {}", draft.image_name()),
        Reason::NeededBy {
            what: "the hosts can pull it".into(),
        },
    )
    .needs([build])
    .runs(image::push(config, version))
    .done_when_local(image::push_check(config, version, identity))
    .silence(SILENCE)
    .retry(1)
    .build();
    draft.add(push);
}

/// A builder is made, which builds and pushes in one step: it keeps no image that could be pushed afterwards.
fn by_buildx(
    draft: &mut Draft,
    source: &SourceFacts,
    why: Reason,
    identity: &str,
    buildx: &Buildx,
) {
    let config = draft.config;
    let version = draft.version;
    let platforms = config.builder.kind.platforms().join(", ");
    let create = StepBuilder::new(
        step_id(None, "builder", &buildx.name, "create"),
        StepKind::Builder,
        None,
        format!("Create builder {}", buildx.name),
        Reason::NeededBy {
            what: format!("the image is built for {platforms}"),
        },
    )
    .runs(buildx.create())
    .done_when_local(buildx.inspect())
    .timeout(INSTALL)
    .build();
    let create = draft.add(create);
    let push = StepBuilder::new(
        step_id(None, "image", version, "push"),
        StepKind::Push,
        None,
        format!("Build and push {} for {platforms}", draft.image_name()),
        why,
    )
    .needs([create])
    .needs(draft.find(None, StepKind::RegistryLogin))
    .runs([buildx.build(version, &source.dockerfile, &source.context, identity)])
    .secrets(&config.builder.secrets, Travel::BuildSecret)
    .done_when_local(buildx.check(version, identity))
    .silence(EMULATED_SILENCE)
    .build();
    draft.add(push);
}

/// Returns the digest of what is built: the tree of the context (else the commit) and what differs from it, the Dockerfile, the
/// build arguments, and the platforms where they are named.
fn identity(source: &SourceFacts, builder: &Builder) -> String {
    let parts = [
        source.tree.as_deref().or(source.commit.as_deref()),
        source.changes.as_ref().map(Sha256Hex::as_str),
        Some(source.context.as_str()),
        source.dockerfile_sha256.as_ref().map(Sha256Hex::as_str),
    ];
    let platforms = builder.kind.platforms();
    let args = builder
        .args
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let text: Vec<&str> = parts
        .into_iter()
        .map(Option::unwrap_or_default)
        .chain(args)
        .chain(platforms.iter().map(String::as_str))
        .collect();
    digest::prefixed(&digest::sha256(text.join("\0").as_bytes()))
}
