//! Logs in to the registry: exactly where something is pushed or pulled, or where a login is to be kept.

use super::{Draft, HostView, Placement};
use crate::action::{OwnConfig, Run};
use crate::config::secrets::server_of;
use crate::diagnostic::Diagnostic;
use crate::docker::image;
use crate::plan::{Predicate, Reason, Step, StepKind, Travel};
use crate::record::Scope;

/// The registry of a configuration that names none.
const DOCKER_HUB: &str = "docker.io";

/// Adds a login on this machine if an image is pushed, unless a credential helper answers for the registry there.
pub fn run(draft: &mut Draft) {
    let changes = draft.placements.iter().any(Placement::is_replaced);
    if changes && !draft.operation.skips_push() && draft.image_digest.is_none() {
        log_in(draft);
    }
}

/// Adds a login on this machine, unless a credential helper answers for the registry there.
pub fn log_in(draft: &mut Draft) {
    let registry = &draft.config.registry;
    let Some(credentials) = registry.push_credentials() else {
        return;
    };
    let server = registry.server.as_deref();
    let shown = server.unwrap_or(DOCKER_HUB);
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

/// Adds a login that is kept to each host, unless it has one or a credential helper answers for the registry there.
pub fn login(draft: &mut Draft) {
    let registry = &draft.config.registry;
    let Some(credentials) = registry.pull_credentials() else {
        let error = Diagnostic::error("the registry has no credentials to log in with");
        return draft.refuse(error.help("add `username` and `password` under `registry`"));
    };
    let server = registry.server.as_deref();
    let (shown, name) = (server.unwrap_or(DOCKER_HUB), image::login_name(server));
    for host in draft.hosts.clone() {
        let reason = if host.facts.docker.helpers.contains(name) {
            Some("docker's credential helper logs in".to_owned())
        } else if host.facts.logins.contains(name) {
            Some(format!("it keeps a login at {shown}"))
        } else {
            None
        };
        if let Some(reason) = reason {
            draft.unchanged(Some(host.name()), "registry", reason);
            continue;
        }
        let login = image::login(server, &credentials).with_own_config(OwnConfig::ToKeep);
        let password = std::slice::from_ref(&credentials.password);
        let step = host
            .step(StepKind::RegistryLogin, ["registry", shown, "login"])
            .because(format!("Log in to {shown}"), Reason::Requested)
            .needs(draft.find_each(host.name(), &[StepKind::InstallDocker]))
            .does([login])
            .secrets(password, Travel::Stdin)
            .done_when([Predicate::contains(&["logins"], name)])
            .on_failure(Vec::new(), [remove_login(draft, &host)]);
        draft.add(step);
    }
}

/// Removes the login that each host keeps.
pub fn logout(draft: &mut Draft) {
    let server = draft.config.registry.server.as_deref();
    let shown = server.unwrap_or(DOCKER_HUB);
    for host in draft.hosts.clone() {
        if host.facts.logins.is_empty() {
            draft.unchanged(Some(host.name()), "registry", "no login is kept");
            continue;
        }
        let none: Vec<String> = Vec::new();
        let step = host
            .step(StepKind::RegistryLogout, ["registry", shown, "logout"])
            .because(format!("Log out of {shown}"), Reason::Requested)
            .does([remove_login(draft, &host)])
            .done_when([Predicate::eq(&["logins"], none)]);
        draft.add(step);
    }
}

/// Returns the command that removes the configuration with the login that `host` keeps.
fn remove_login(draft: &Draft, host: &HostView) -> Run {
    let scope = Scope {
        service: draft.config.service.to_string(),
        destination: draft.config.destination.clone(),
    };
    let directory = scope.kept_login(&host.facts.state_dir);
    Run::literal(["rm", "-rf", &directory])
}

/// What pulls an image on a host, and the secrets that this needs.
pub struct Pull {
    /// The commands.
    pub runs: Vec<Run>,
    /// Names of secrets.
    pub secrets: Vec<String>,
}

/// Returns `pulls`, which pull `image` on `host`, with the login that is kept there, else after the one that they need.
pub fn pull(draft: &Draft, host: &HostView, image: &str, pulls: Vec<Run>) -> Pull {
    let registry = &draft.config.registry;
    let server = registry.server.as_deref();
    let name = image::login_name(server);
    let has_helper = host.facts.docker.helpers.contains(name);
    let credentials = registry
        .pull_credentials()
        .filter(|_| !has_helper && server_of(image) == server);
    let Some(credentials) = credentials else {
        return Pull {
            runs: pulls,
            secrets: Vec::new(),
        };
    };
    let with = |own_config| move |run: Run| run.with_own_config(own_config);
    if host.facts.logins.contains(name) {
        return Pull {
            runs: pulls.into_iter().map(with(OwnConfig::Kept)).collect(),
            secrets: Vec::new(),
        };
    }
    let login = image::login(server, &credentials);
    let pulls = pulls.into_iter().map(with(OwnConfig::Temporary));
    Pull {
        runs: [login].into_iter().chain(pulls).collect(),
        secrets: vec![credentials.password],
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
