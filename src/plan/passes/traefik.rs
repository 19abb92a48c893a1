//! Starts Traefik where it does not run, and sees whether one that runs is to be replaced.

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

use super::takeover;

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
/// switch, which adds it by [`replace`].
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
        refuse_taken_port(draft, &host);
        if host.facts.traefik.is_none() {
            create(draft, &host, &args);
        } else if !switched.contains(host.name()) {
            replace(draft, &host, None);
        }
    }
}

/// Adds the replacement of a Traefik that runs on `host` and cannot switch traffic, once. Requests to the host fail meanwhile,
/// so it waits for `gate`. Returns the step after which the new one serves; `None` where none is replaced.
pub fn replace(draft: &mut Draft, host: &HostView, gate: Option<StepId>) -> Option<StepId> {
    let running = host.facts.traefik.as_ref()?;
    if !is_to_be_created(host) {
        return None;
    }
    let done = draft.find(Some(host.name()), StepKind::Traefik);
    if done.is_some() {
        return done;
    }
    let args = arguments(draft)?;
    let wanted = wanted(draft, host, &args);
    takeover::warn(draft, host, running, &args);
    let why = why_replaced(host, running);
    Some(takeover::replace(draft, host, &wanted, why, gate))
}

/// Returns Traefik's command line, or notes why there is none.
pub(super) fn arguments(draft: &mut Draft) -> Option<Vec<String>> {
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
    if !is_connected(host) {
        return connect(draft, host, None);
    }
    draft.unchanged(
        Some(host.name()),
        "traefik",
        "it runs and watches its routing files",
    );
}

/// Returns whether Traefik is in mrsk's network.
pub(super) fn is_connected(host: &HostView) -> bool {
    let container = host.facts.containers.get(TRAEFIK);
    container.is_some_and(|container| container.networks.contains_key(NETWORK))
}

/// Adds a step that lets a running Traefik reach what it routes to.
pub(super) fn connect(draft: &mut Draft, host: &HostView, gate: Option<StepId>) {
    let subject = format!("Traefik's connection to network {NETWORK}");
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "connect"),
        StepKind::Traefik,
        Some(host.name()),
        format!("Connect Traefik with network {NETWORK}"),
        Reason::Missing { what: subject },
    )
    .needs(gate)
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

fn create(draft: &mut Draft, host: &HostView, args: &[String]) {
    let wanted = wanted(draft, host, args);
    let directory = host.facts.routing_directory.clone();
    let existing = host.facts.containers.get(TRAEFIK);
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
    let (summary, why) = match existing {
        Some(_) => (
            "Replace Traefik",
            Reason::Incomplete {
                what: "Traefik's container does not run".into(),
            },
        ),
        None => (
            "Start Traefik",
            Reason::Missing {
                what: "Traefik".into(),
            },
        ),
    };
    let step = StepBuilder::new(
        step_id(Some(host.name()), "traefik", TRAEFIK, "start"),
        StepKind::Traefik,
        Some(host.name()),
        summary,
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

fn why_replaced(host: &HostView, running: &TraefikFacts) -> Reason {
    if running.directory.is_empty() {
        return Reason::Changed {
            what: "the way Traefik is told its routes".into(),
            old: Some("container labels".into()),
            new: Some(format!("files in {}", host.facts.routing_directory)),
        };
    }
    let what = format!("Traefik's entrypoint {}", traefik::PROBE_ENTRYPOINT);
    Reason::Missing { what }
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
