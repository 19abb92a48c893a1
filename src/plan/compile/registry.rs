//! Logs in to the registry: exactly where something is pushed or pulled.

use crate::docker::image;
use crate::name::HostName;
use crate::plan::compile::draft::Draft;
use crate::plan::compile::step::{StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::{Reason, Travel};
use crate::plan::predicate::Predicate;

/// Adds a login here where an image is pushed, and one on each host that pulls.
pub fn run(draft: &mut Draft) {
    let changes = draft
        .placements
        .iter()
        .any(|placement| placement.is_replaced());
    if changes && !draft.operation.skips_push() {
        login(draft, None);
    }
    for host in draft.hosts.clone() {
        let pulls_traefik = host.traefik
            && super::proxy::facts::is_to_be_created(&host)
            && is_of_registry(draft, &draft.config.traefik.image);
        let pulls_accessory = draft.config.accessories.iter().any(|accessory| {
            super::accessories::is_booted(draft, &host, accessory)
                && is_of_registry(draft, &accessory.image)
        });
        if super::pull::is_needed(draft, &host) || pulls_traefik || pulls_accessory {
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
    let name = image::login_name(draft.config);
    let server = draft.config.registry.server.as_deref();
    let shown = server.unwrap_or("docker.io");
    let secret: Vec<String> = run.stdin.iter().cloned().collect();
    let what = if host.is_some() {
        "images can be pulled"
    } else {
        "the image can be pushed"
    };
    let step = StepBuilder::new(
        step_id(host, "registry", shown, "login"),
        StepKind::RegistryLogin,
        host,
        format!("Log in to {shown}"),
        Reason::NeededBy { what: what.into() },
    )
    .needs(host.and_then(|_| draft.find(host, StepKind::InstallDocker)))
    .runs([run])
    .secrets(&secret, Travel::Stdin);
    let step = match host {
        Some(_) => step.done_when(vec![Predicate::contains(
            &["docker", "logins"],
            name.as_str(),
        )]),
        None => step.done_when_local(image::login_check(draft.config)),
    };
    draft.add(step.build());
}
