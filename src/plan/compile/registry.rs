//! Logs in to the registry: exactly where something is pushed or pulled.

use super::{Draft, Placement, accessories, proxy, pull};
use crate::docker::image;
use crate::name::HostName;
use crate::plan::{Predicate, Reason, Step, StepKind, Travel};

/// Adds a login here if an image is pushed, and one on each host that pulls.
pub fn run(draft: &mut Draft) {
    let changes = draft.placements.iter().any(Placement::is_replaced);
    if changes && !draft.operation.skips_push() {
        login(draft, None);
    }
    for host in draft.hosts.clone() {
        let pulls_traefik = host.traefik
            && !proxy::facts::stays(host.facts)
            && is_of_registry(draft, &draft.config.traefik.image);
        let pulls_accessory = draft.config.accessories.iter().any(|accessory| {
            accessories::is_booted(draft, &host, accessory)
                && is_of_registry(draft, &accessory.image)
        });
        if pull::is_needed(draft, &host) || pulls_traefik || pulls_accessory {
            login(draft, Some(host.name()));
        }
    }
}

/// Returns whether `image` comes from the registry that the configuration names.
fn is_of_registry(draft: &Draft, image: &str) -> bool {
    let server = image
        .split_once('/')
        .map(|(first, _)| first)
        .filter(|first| first.contains(['.', ':']) || *first == "localhost");
    server == draft.config.registry.server.as_deref()
}

fn login(draft: &mut Draft, host: Option<&HostName>) {
    let Some(run) = image::login(draft.config) else {
        return;
    };
    let server = draft.config.registry.server.as_deref();
    let shown = server.unwrap_or("docker.io");
    let secret: Vec<String> = run.stdin.iter().cloned().collect();
    let step = Step::new(host, StepKind::RegistryLogin, ["registry", shown, "login"])
        .does([run])
        .secrets(&secret, Travel::Stdin);
    let (step, what) = match host {
        Some(name) => {
            let login = image::login_name(draft.config);
            let step = step
                .needs(draft.find_each(name, &[StepKind::InstallDocker]))
                .done_when([Predicate::contains(&["docker", "logins"], login.as_str())]);
            (step, "images can be pulled")
        }
        None => {
            let step = step.done_when_local(image::login_check(draft.config));
            (step, "the image can be pushed")
        }
    };
    draft.add(step.because(format!("Log in to {shown}"), Reason::needed_by(what)));
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
