//! Builds the image and pushes it, from this machine.

use super::identity::identity;
use super::tag::{self, Tag};
use super::{Decision, Draft};
use crate::diagnostic::Diagnostic;
use crate::docker::builder::{self, Buildx};
use crate::docker::image::{self, Build, Layers};
use crate::facts::model::SourceFacts;
use crate::name::StepId;
use crate::plan::compile::step::{EMULATED_SILENCE, INSTALL, SILENCE};
use crate::plan::{Reason, Step, StepKind, Travel};

/// Adds a build and a push, unless nothing is started or `--skip-push` was asked for.
pub fn run(draft: &mut Draft) {
    let placements = draft.placements.iter();
    let reasons = placements.filter_map(|placement| match &placement.decision {
        Decision::Replace { why, .. } => Some(why),
        _ => None,
    });
    if reasons.clone().next().is_none() {
        return draft.unchanged(None, "image", "every host already runs it");
    }
    let why = reasons
        .into_iter()
        .find(|why| matches!(why, Reason::VersionChanged { .. }))
        .cloned()
        .unwrap_or_else(|| Reason::needed_by("the new containers have an image"));
    if draft.operation.skips_push() {
        let reason = match draft.image_digest {
            Some(digest) => format!("--skip-push: the registry has it as {digest}"),
            None => {
                let registry = match draft.facts.registry.is_empty() {
                    true => "was not inspected",
                    false => "returned no digest for this version",
                };
                draft.warn(format!(
                    "the registry {registry}: each host pulls what the tag points to"
                ));
                "--skip-push: pulled by its tag".into()
            }
        };
        return draft.unchanged(None, "image", reason);
    }
    if !is_built_before(draft) {
        build(draft, why);
    }
}

/// Returns whether the image is used as it is in the registry, and says so.
pub fn is_built_before(draft: &mut Draft) -> bool {
    if draft.operation.skips_push() || draft.image_digest.is_none() {
        return false;
    }
    if let Tag::Used(digest, user) = Tag::of(draft.config, draft.facts, draft.version) {
        let reason =
            format!("the registry has it as {digest}, which {user}: it is not built again");
        draft.unchanged(None, "image", reason);
    }
    true
}

/// Adds a build and a push.
pub fn build(draft: &mut Draft, why: Reason) {
    let Some(source) = draft.facts.source.as_ref() else {
        return draft.refuse(
            Diagnostic::error("the facts have no source to build the image from").help(
                "run `mrsk inspect` where the image is built, or deploy a pushed version with \
                 --skip-push",
            ),
        );
    };
    if source.context_missing {
        return draft.refuse(
            Diagnostic::error(format!(
                "the build context `{}` is not a directory",
                draft.config.builder.context
            ))
            .help("create it, or name another with `builder: {context: PATH}`"),
        );
    }
    if source.dockerfile_sha256.is_none() {
        return draft.refuse(
            Diagnostic::error(format!("{} does not exist", source.dockerfile))
                .help("create it, or name another with `builder: {dockerfile: PATH}`"),
        );
    }
    tag::check(draft, source);
    warn(draft, source);
    let identity = identity(source, &draft.config.builder);
    match Buildx::of(draft.config) {
        None => by_engine(draft, source, why, &identity),
        Some(buildx) => by_buildx(draft, source, why, &identity, &buildx),
    }
}

fn warn(draft: &mut Draft, source: &SourceFacts) {
    if source.changes.is_some() {
        draft.warn("uncommitted changes to tracked files are built into the image");
    }
    if source.commit.is_none() {
        let why = source.git_problem.as_deref();
        draft.warn(format!(
            "{}: apply cannot check that it builds the planned source",
            why.unwrap_or("not in a git repository")
        ));
    }
    if !source.untracked.is_empty() {
        let untracked = source.untracked.join(", ");
        draft.warn(format!(
            "untracked files are built into the image: {untracked}"
        ));
    }
}

/// An engine builds, and then pushes what it has.
fn by_engine(draft: &mut Draft, source: &SourceFacts, why: Reason, identity: &str) {
    let (config, version) = (draft.config, draft.version);
    let build = Step::new(None, StepKind::Build, ["image", version, "build"])
        .because(format!("Build {}", draft.image_name()), why)
        .does([image::build(config, &build_of(draft, source, identity))])
        .secrets(&config.builder.secret_names(), Travel::BuildSecret)
        .done_when_local(image::build_check(config, version, identity))
        .needs(draft.find(None, StepKind::RegistryLogin))
        .silence(SILENCE);
    let build = draft.add(build);
    let why = Reason::needed_by("the hosts can pull it");
    let push = Step::new(None, StepKind::Push, ["image", version, "push"])
        .because(format!("Push {}", draft.image_name()), why)
        .needs([build])
        .does(image::push(config, version))
        .done_when_registry(match exact(draft) {
            Some(exact) => vec![image::manifest(&exact), builder::digest(&exact)],
            None => vec![
                image::manifest(&image::reference(config, version)),
                builder::digest(&image::reference(config, version)),
                image::push_check(config, version, identity),
            ],
        })
        .silence(SILENCE)
        .retried();
    draft.add(push);
}

/// Adds the creation of the builder that builds for the platforms of the configuration.
pub fn create_builder(draft: &mut Draft) {
    match Buildx::of(draft.config) {
        Some(buildx) => {
            create(draft, &buildx);
        }
        None => draft.unchanged(
            None,
            "builder",
            "an engine builds the image, without a builder",
        ),
    }
}

/// Adds the removal of that builder, with what it keeps of earlier builds.
pub fn remove_builder(draft: &mut Draft) {
    let Some(buildx) = Buildx::of(draft.config) else {
        let reason = "an engine builds the image, without a builder";
        return draft.unchanged(None, "builder", reason);
    };
    let remove = Step::new(None, StepKind::Remove, ["builder", &buildx.name, "remove"])
        .because(format!("Remove builder {}", buildx.name), Reason::Requested)
        .does(buildx.remove())
        .done_when_local(buildx.is_gone())
        .timeout(INSTALL);
    draft.add(remove);
}

fn create(draft: &mut Draft, buildx: &Buildx) -> StepId {
    let platforms = draft.config.builder.kind.platforms().join(", ");
    let why = match platforms.is_empty() {
        true => "the image is built by a builder".to_owned(),
        false => format!("the image is built for {platforms}"),
    };
    let create = Step::new(None, StepKind::Builder, ["builder", &buildx.name, "create"])
        .because(
            format!("Create builder {}", buildx.name),
            Reason::needed_by(why),
        )
        .does(buildx.create())
        .done_when_local(buildx.inspect())
        .timeout(INSTALL);
    draft.add(create)
}

/// A builder is made, which builds and pushes in one step: it keeps no image for a later push.
fn by_buildx(
    draft: &mut Draft,
    source: &SourceFacts,
    why: Reason,
    identity: &str,
    buildx: &Buildx,
) {
    let (config, version) = (draft.config, draft.version);
    let platforms = config.builder.kind.platforms().join(", ");
    let create = create(draft, buildx);
    let summary = match platforms.is_empty() {
        true => format!("Build and push {}", draft.image_name()),
        false => format!("Build and push {} for {platforms}", draft.image_name()),
    };
    let push = Step::new(None, StepKind::Push, ["image", version, "push"])
        .because(summary, why)
        .needs([create])
        .needs(draft.find(None, StepKind::RegistryLogin))
        .does([buildx.build(&build_of(draft, source, identity))])
        .secrets(&config.builder.secret_names(), Travel::BuildSecret)
        .silence(EMULATED_SILENCE);
    let push = match exact(draft) {
        Some(exact) => push.done_when_registry([image::manifest(&exact), builder::digest(&exact)]),
        None => push.done_when_local(buildx.check(version, identity)),
    };
    draft.add(push);
}

/// Returns the reference of exactly what this operation has pushed already, whatever the tag stands for meanwhile.
fn exact(draft: &Draft) -> Option<String> {
    let digest = draft.pushed?;
    Some(format!("{}@{digest}", draft.config.repository()))
}

/// Returns what a build is told.
fn build_of<'a>(draft: &Draft<'a>, source: &'a SourceFacts, identity: &'a str) -> Build<'a> {
    let release = draft.operation.kind.release();
    Build {
        version: draft.version,
        dockerfile: &source.dockerfile,
        context: &source.context,
        source: identity,
        layers: match release.is_some_and(|release| release.no_cache) {
            true => Layers::Fresh,
            false => Layers::Cached,
        },
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
