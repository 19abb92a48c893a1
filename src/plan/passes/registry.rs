//! Logs in to the registry: exactly where something is pushed or pulled.

use crate::docker::image;
use crate::name::HostName;
use crate::plan::draft::{Draft, StepBuilder, step_id};
use crate::plan::model::{Reason, StepKind, Travel};
use crate::plan::predicate::Predicate;
use crate::plan::situation::Situation;

/// Adds a login here where an image is pushed, and one on each host that pulls.
pub fn run(draft: &mut Draft) {
    let changes = draft
        .placements
        .iter()
        .any(|placement| matches!(placement.situation, Situation::Replace { .. }));
    if changes && !draft.operation.skip_push {
        login(draft, None);
    }
    for host in draft.hosts.clone() {
        let pulls_traefik = host.traefik && super::traefik::is_to_be_created(&host);
        if host.changes || pulls_traefik {
            login(draft, Some(host.name()));
        }
    }
}

fn login(draft: &mut Draft, host: Option<&HostName>) {
    let Some(run) = image::login(draft.config) else {
        return;
    };
    let name = image::login_name(draft.config);
    let secret: Vec<String> = run.stdin.iter().cloned().collect();
    let what = if host.is_some() {
        "pulling the images"
    } else {
        "pushing the image"
    };
    let step = StepBuilder::new(
        step_id(host, "registry", &name, "login"),
        StepKind::RegistryLogin,
        host,
        format!("Log in to {name}"),
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
