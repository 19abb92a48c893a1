//! Logs in to the registry: exactly where something is pushed or pulled.

use super::{Draft, HostView, Placement};
use crate::action::Run;
use crate::docker::image;
use crate::plan::{Reason, Step, StepKind, Travel};

/// Adds a login on this machine if an image is pushed, unless a credential helper answers for the registry there.
pub fn run(draft: &mut Draft) {
    let changes = draft.placements.iter().any(Placement::is_replaced);
    if !changes || draft.operation.skips_push() {
        return;
    }
    let registry = &draft.config.registry;
    let Some(credentials) = registry.push_credentials() else {
        return;
    };
    let server = registry.server.as_deref();
    let shown = server.unwrap_or("docker.io");
    let source = draft.facts.source.as_ref();
    if let Some(helper) = source.and_then(|source| source.credential_helper.as_deref()) {
        let reason = format!("docker's credential helper {helper} logs in");
        return draft.unchanged(None, "registry", reason);
    }
    let step = Step::new(None, StepKind::RegistryLogin, ["registry", shown, "login"])
        .because(
            format!("Log in to {shown}"),
            Reason::needed_by("the image can be pushed"),
        )
        .does([image::login(server, &credentials)])
        .secrets(&[credentials.password], Travel::Stdin)
        .done_when_local(image::login_check(draft.config));
    draft.add(step);
}

/// What pulls an image on a host, and the secrets that this needs.
pub struct Pull {
    /// The commands.
    pub runs: Vec<Run>,
    /// Names of secrets.
    pub secrets: Vec<String>,
}

/// Returns `pulls`, which pull `image` on `host`, after the login that they need.
pub fn pull(draft: &Draft, host: &HostView, image: &str, pulls: Vec<Run>) -> Pull {
    let registry = &draft.config.registry;
    let server = registry.server.as_deref();
    let has_helper = host
        .facts
        .docker
        .helpers
        .contains(image::login_name(server));
    let credentials = registry
        .pull_credentials()
        .filter(|_| !has_helper && server_of(image) == server);
    let Some(credentials) = credentials else {
        return Pull {
            runs: pulls,
            secrets: Vec::new(),
        };
    };
    let login = image::login(server, &credentials);
    let pulls = pulls.into_iter().map(Run::with_own_config);
    Pull {
        runs: [login].into_iter().chain(pulls).collect(),
        secrets: vec![credentials.password],
    }
}

/// Returns the server in a reference; `None` if it is Docker Hub.
fn server_of(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
