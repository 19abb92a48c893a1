//! Starts Traefik where it does not run, and replaces one that cannot switch traffic without loss.

use crate::action::{Action, Run};
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::docker::names::{LABEL_CREATE, NETWORK, TRAEFIK};
use crate::plan::draft::{Draft, HostView, SILENCE, StepBuilder, step_id};
use crate::plan::model::{Reason, StepKind};
use crate::plan::predicate::Predicate;
use crate::traefik;

/// Returns whether a Traefik is to be created on `host`.
pub fn is_to_be_created(host: &HostView) -> bool {
    match &host.facts.traefik {
        None => true,
        Some(running) => running.directory.is_empty(),
    }
}

/// Adds Traefik where a role needs it.
pub fn run(draft: &mut Draft) {
    let user: Vec<(String, Option<String>)> = draft
        .config
        .traefik
        .args
        .iter()
        .map(|arg| (arg.name.clone(), arg.value.clone()))
        .collect();
    let args = match traefik::command_line(&user) {
        Ok(args) => args,
        Err(errors) => return draft.refuse_labels("traefik argument", errors),
    };
    for host in draft.hosts.clone() {
        if !host.traefik {
            continue;
        }
        if is_to_be_created(&host) {
            refuse_taken_port(draft, &host);
            create(draft, &host, &args);
        } else {
            keep(draft, &host, &args);
        }
    }
}

fn keep(draft: &mut Draft, host: &HostView, args: &[String]) {
    let wanted = wanted(draft, host, args);
    let label = host
        .facts
        .containers
        .get(TRAEFIK)
        .and_then(|container| container.labels.get(LABEL_CREATE));
    if label.is_some_and(|label| *label != wanted.digest.as_str()) {
        draft.warnings.push(format!(
            "host {}: Traefik runs with other settings than the configuration has; deploy leaves it as it is",
            host.name()
        ));
    }
    if let Some(running) = &host.facts.traefik
        && !running.writable
    {
        draft.errors.push(
            Diagnostic::error(format!(
                "host {}: the directory {} that Traefik watches is not writable for {}",
                host.name(),
                running.directory,
                host.facts.user
            ))
            .help("let that user write there, or deploy as root"),
        );
    }
    draft.unchanged(
        Some(host.name()),
        "traefik",
        "it runs and watches its routing files",
    );
}

fn wanted(draft: &Draft, host: &HostView, args: &[String]) -> container::Create {
    container::create_traefik(
        draft.config,
        args,
        &host.facts.routing_directory,
        traefik::ROUTES_DIR,
        &host.facts.home,
    )
}

fn create(draft: &mut Draft, host: &HostView, args: &[String]) {
    let wanted = wanted(draft, host, args);
    let directory = host.facts.routing_directory.clone();
    let existing = host.facts.containers.get(TRAEFIK);
    let why = match (&host.facts.traefik, existing) {
        (Some(_), _) => {
            draft.warnings.push(format!(
                "host {}: its Traefik has no file provider and is replaced; requests to this host fail until the new one answers",
                host.name()
            ));
            Reason::Changed {
                what: "the way Traefik is told its routes".into(),
                old: Some("container labels".into()),
                new: Some(format!("files in {directory}")),
            }
        }
        (None, Some(_)) => Reason::Incomplete {
            what: "Traefik's container does not run".into(),
        },
        (None, None) => Reason::Missing {
            what: "Traefik".into(),
        },
    };
    let leftovers = format!("label={LABEL_CREATE}={}", wanted.digest);
    let mut first = vec![
        Run::literal(["mkdir", "-p", &directory]),
        Run::literal(["docker", "pull", &draft.config.traefik.image]),
        Run::literal([
            "docker",
            "container",
            "prune",
            "--force",
            "--filter",
            &leftovers,
        ]),
    ];
    if existing.is_some_and(|container| {
        container.labels.get(LABEL_CREATE) != Some(&wanted.digest.to_string())
            || container.state == "running"
    }) {
        first.push(container::remove(TRAEFIK));
    }
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "start"),
        StepKind::Traefik,
        Some(host.name()),
        "Start Traefik",
        why,
    )
    .needs(draft.find(Some(host.name()), StepKind::InstallDocker))
    .needs(draft.find(Some(host.name()), StepKind::RegistryLogin))
    .needs(draft.find(Some(host.name()), StepKind::Network))
    .runs(first)
    .does(Action::Run(wanted.run))
    .runs([container::connect(TRAEFIK, None), container::start(TRAEFIK)])
    .done_when(vec![
        Predicate::eq(&["containers", TRAEFIK, "state"], "running"),
        Predicate::eq(
            &["containers", TRAEFIK, "labels", LABEL_CREATE],
            wanted.digest.as_str(),
        ),
        Predicate::contains(&["containers", TRAEFIK, "networks"], NETWORK),
    ])
    .on_failure(vec![container::logs(TRAEFIK)], Vec::new())
    .silence(SILENCE)
    .build();
    draft.add(step);
}

fn refuse_taken_port(draft: &mut Draft, host: &HostView) {
    let port = draft.config.traefik.host_port;
    let Some(taken) = host.facts.ports.get(&port.to_string()) else {
        return;
    };
    if taken.holder == format!("container {TRAEFIK}") {
        return;
    }
    draft.errors.push(
        Diagnostic::error(format!(
            "host {}: port {port}, which Traefik needs, is held by a {}",
            host.name(),
            taken.holder
        ))
        .help("stop what holds it, or set `traefik: {host_port: N}`"),
    );
}
