//! Starts Traefik where it does not run, and replaces one that cannot switch traffic without loss.

use std::collections::BTreeSet;

use crate::action::{Action, Run};
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::docker::names::{LABEL_CREATE, NETWORK, TRAEFIK};
use crate::facts::model::TraefikFacts;
use crate::name::{HostName, StepId};
use crate::plan::draft::{Draft, HostView, SILENCE, StepBuilder, step_id};
use crate::plan::model::{Reason, StepKind};
use crate::plan::predicate::Predicate;
use crate::plan::situation::{Situation, is_up};
use crate::traefik;

/// Returns whether a Traefik is to be created on `host`.
pub fn is_to_be_created(host: &HostView) -> bool {
    !host.facts.traefik.as_ref().is_some_and(can_switch)
}

/// Returns whether a running Traefik watches routing files, and can prove that it has loaded one.
fn can_switch(running: &TraefikFacts) -> bool {
    let probe = format!("--entrypoints.{}.address=", traefik::PROBE_ENTRYPOINT);
    let proves = running
        .args
        .iter()
        .any(|arg| arg.to_lowercase().starts_with(&probe));
    !running.directory.is_empty() && proves
}

/// Adds Traefik where a role needs it. Where one runs that is to be replaced and a switch follows, its replacement is part of that
/// switch: [`replace`] adds it.
pub fn run(draft: &mut Draft) {
    let Some(args) = arguments(draft) else {
        return;
    };
    let switched: BTreeSet<&HostName> = draft
        .placements
        .iter()
        .filter(|placement| placement.role.traefik && placement.situation != Situation::Runs)
        .map(|placement| placement.host)
        .collect();
    for host in draft.hosts.clone() {
        if !host.traefik {
            continue;
        }
        if !is_to_be_created(&host) {
            keep(draft, &host, &args);
            continue;
        }
        if draft.operation.is_redeploy() {
            let what = match &host.facts.traefik {
                None => "Traefik does not run",
                Some(_) => "its Traefik cannot switch requests without a gap",
            };
            draft.refuse_unprepared(&host, what);
            continue;
        }
        refuse_taken_port(draft, &host);
        if host.facts.traefik.is_none() || !switched.contains(host.name()) {
            create(draft, &host, &args, None);
        }
    }
}

/// Adds the replacement of a Traefik that runs on `host` and cannot switch traffic, once. Requests to the host fail meanwhile,
/// so it waits for `gate`.
pub fn replace(draft: &mut Draft, host: &HostView, gate: Option<StepId>) {
    if !is_to_be_created(host) || draft.find(Some(host.name()), StepKind::Traefik).is_some() {
        return;
    }
    if let Some(args) = arguments(draft) {
        create(draft, host, &args, gate);
    }
}

/// Returns Traefik's command line, or notes why there is none.
fn arguments(draft: &mut Draft) -> Option<Vec<String>> {
    let user: Vec<(String, Option<String>)> = draft
        .config
        .traefik
        .args
        .iter()
        .map(|arg| (arg.name.clone(), arg.value.clone()))
        .collect();
    traefik::command_line(&user)
        .map_err(|errors| draft.refuse_labels("traefik argument", errors))
        .ok()
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
    let connected = host
        .facts
        .containers
        .get(TRAEFIK)
        .is_some_and(|container| container.networks.contains_key(NETWORK));
    if !connected {
        return connect(draft, host);
    }
    draft.unchanged(
        Some(host.name()),
        "traefik",
        "it runs and watches its routing files",
    );
}

/// Adds a step that lets a running Traefik reach what it routes to.
fn connect(draft: &mut Draft, host: &HostView) {
    let subject = format!("Traefik's connection to network {NETWORK}");
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "connect"),
        StepKind::Traefik,
        Some(host.name()),
        format!("Connect Traefik with network {NETWORK}"),
        Reason::Missing { what: subject },
    )
    .needs(draft.find(Some(host.name()), StepKind::Network))
    .runs([container::connect(TRAEFIK, None)])
    .done_when(vec![Predicate::contains(
        &["containers", TRAEFIK, "networks"],
        NETWORK,
    )])
    .on_failure(vec![container::logs(TRAEFIK)], Vec::new())
    .build();
    draft.add(step);
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

fn create(draft: &mut Draft, host: &HostView, args: &[String], gate: Option<StepId>) {
    let wanted = wanted(draft, host, args);
    let directory = host.facts.routing_directory.clone();
    let existing = host.facts.containers.get(TRAEFIK);
    let why = why(draft, host);
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
        container.labels.get(LABEL_CREATE) != Some(&wanted.digest.to_string()) || is_up(container)
    }) {
        first.push(container::remove(TRAEFIK));
    }
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "start"),
        StepKind::Traefik,
        Some(host.name()),
        match existing {
            Some(_) => "Replace Traefik",
            None => "Start Traefik",
        },
        why,
    )
    .needs(gate)
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

fn why(draft: &mut Draft, host: &HostView) -> Reason {
    let facts = host.facts;
    let Some(running) = &facts.traefik else {
        return if facts.containers.contains_key(TRAEFIK) {
            Reason::Incomplete {
                what: "Traefik's container does not run".into(),
            }
        } else {
            Reason::Missing {
                what: "Traefik".into(),
            }
        };
    };
    let (lacks, reason) = if running.directory.is_empty() {
        let reason = Reason::Changed {
            what: "the way Traefik is told its routes".into(),
            old: Some("container labels".into()),
            new: Some(format!("files in {}", facts.routing_directory)),
        };
        ("file provider", reason)
    } else {
        let what = format!("Traefik's entrypoint {}", traefik::PROBE_ENTRYPOINT);
        ("entrypoint for mrsk's probe", Reason::Missing { what })
    };
    draft.warnings.push(format!(
        "host {}: its Traefik has no {lacks} and is replaced; requests to this host fail until the new one answers",
        host.name()
    ));
    reason
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
