//! Builds the image on this machine and pushes it.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::facts::model::SourceFacts;
use crate::name::Sha256Hex;
use crate::plan::draft::{Draft, SILENCE, StepBuilder, step_id};
use crate::plan::model::{Reason, StepKind, Travel};
use crate::plan::situation::Situation;

/// Adds a build and a push, unless nothing is started or `--skip-push` was asked for.
pub fn run(draft: &mut Draft) {
    let mut reasons = draft
        .placements
        .iter()
        .filter_map(|placement| match &placement.situation {
            Situation::Replace { why, .. } => Some(why),
            _ => None,
        });
    let Some(first) = reasons.next() else {
        draft.unchanged(None, "image", "every host runs it");
        return;
    };
    let why = std::iter::once(first)
        .chain(reasons)
        .find(|why| matches!(why, Reason::VersionChanged { .. }))
        .cloned()
        .unwrap_or_else(|| Reason::NeededBy {
            what: "the new containers have an image".into(),
        });
    if draft.operation.skip_push {
        let reason = match crate::plan::compile::pinned_digest(
            draft.config,
            draft.facts,
            draft.operation,
        ) {
            Some(digest) => format!("--skip-push: the registry has it as {digest}"),
            None => {
                draft.warnings.push(
                    "the registry did not say which image it has for this version: hosts take what they get by its tag".into(),
                );
                "--skip-push: it is taken from the registry as it is".into()
            }
        };
        draft.unchanged(None, "image", reason);
        return;
    }
    let Some(source) = draft.facts.source.as_ref() else {
        draft.errors.push(
            Diagnostic::error("the facts do not say what the image is built from")
                .help("run `mrsk inspect` where the image is built, or deploy a pushed version with --skip-push"),
        );
        return;
    };
    if source.dockerfile_sha256.is_none() {
        draft.errors.push(
            Diagnostic::error(format!("there is no Dockerfile at {}", source.dockerfile))
                .help("create it, or name another with `builder: {dockerfile: PATH}`"),
        );
        return;
    }
    warn(draft, source);
    add(draft, source, why);
}

fn warn(draft: &mut Draft, source: &SourceFacts) {
    if source.changes.is_some() {
        draft.warnings.push(
            "the work tree has changes to tracked files that are not committed; they are built in"
                .into(),
        );
    }
    if source.commit.is_none() {
        draft
            .warnings
            .push("not in a git repository: apply cannot tell whether it builds what the plan was made from".into());
    }
    if !source.untracked.is_empty() {
        draft.warnings.push(format!(
            "untracked files get into the image: {}",
            source.untracked.join(", ")
        ));
    }
}

fn add(draft: &mut Draft, source: &SourceFacts, why: Reason) {
    let config = draft.config;
    let version = &draft.operation.version;
    let identity = identity(source, &config.builder.args);
    let login = draft.find(None, StepKind::RegistryLogin);
    let build = StepBuilder::new(
        step_id(None, "image", version, "build"),
        StepKind::Build,
        None,
        format!("Build {}", image::reference(config, version)),
        why,
    )
    .runs([image::build(
        config,
        version,
        &source.dockerfile,
        &source.context,
        &identity,
    )])
    .secrets(&config.builder.secrets, Travel::BuildSecret)
    .done_when_local(image::build_check(config, version, &identity))
    .needs(login)
    .silence(SILENCE)
    .build();
    let build = draft.add(build);
    let push = StepBuilder::new(
        step_id(None, "image", version, "push"),
        StepKind::Push,
        None,
        format!("Push {}", image::reference(config, version)),
        Reason::NeededBy {
            what: "the hosts can pull it".into(),
        },
    )
    .needs([build])
    .runs(image::push(config, version))
    .done_when_local(image::push_check(config, version, &identity))
    .silence(SILENCE)
    .retry(1)
    .build();
    draft.add(push);
}

/// Returns the digest of what is built: the tree of the context (else the commit) and what differs from it, the Dockerfile, and the
/// build arguments.
fn identity(source: &SourceFacts, args: &BTreeMap<String, String>) -> String {
    let parts = [
        source.tree.as_deref().or(source.commit.as_deref()),
        source.changes.as_ref().map(Sha256Hex::as_str),
        Some(source.context.as_str()),
        source.dockerfile_sha256.as_ref().map(Sha256Hex::as_str),
    ];
    let args = args
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let text: Vec<&str> = parts
        .into_iter()
        .map(Option::unwrap_or_default)
        .chain(args)
        .collect();
    format!("sha256:{}", Sha256Hex::of(text.join("\0").as_bytes()))
}
