//! Starts Traefik if it does not run, and decides whether one that runs stays.

use std::collections::BTreeSet;

use super::facts::{foreign_networks, is_connected, is_to_be_created};
use super::{network, takeover, wanted};
use crate::action::{Action, Run};
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::docker::image;
use crate::docker::names::{LABEL_CREATE, LABEL_SETTINGS, NETWORK, TRAEFIK};
use crate::facts::model::ContainerState;
use crate::name::HostName;
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::step::{SILENCE, StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;
use crate::text::list;

/// Adds Traefik where a role needs it. Where one runs that is to be replaced and a switch follows, its replacement is part of that
/// switch, which adds it by [`takeover::run`].
pub fn run(draft: &mut Draft) {
    let Some(args) = wanted::arguments(draft) else {
        return;
    };
    let switched: BTreeSet<&HostName> = draft
        .placements
        .iter()
        .filter(|placement| placement.role.traefik && placement.changes())
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
        if !draft.operation.kind.prepares_hosts() {
            let what = match &host.facts.traefik {
                None => "Traefik is not running",
                Some(_) => "its Traefik cannot switch requests without downtime",
            };
            draft.refuse_unprepared(&host, what);
            continue;
        }
        check_port(draft, &host);
        if host.facts.traefik.is_none() {
            create(draft, &host, &args);
        } else if !switched.contains(host.name()) {
            takeover::run(draft, &host, None);
        }
    }
}

fn keep(draft: &mut Draft, host: &HostView, args: &[String]) {
    let wanted = wanted::create(draft, host, args);
    warn_of_differences(draft, host, &wanted);
    if let Some(running) = &host.facts.traefik
        && !running.writable
    {
        draft.errors.push(
            Diagnostic::error(format!(
                "host {}: user {} cannot write to {}, which Traefik watches",
                host.name(),
                host.facts.user,
                running.directory
            ))
            .help("give that user write access, or deploy as root"),
        );
    }
    if !is_connected(host) {
        return network::connect(draft, host, None);
    }
    draft.unchanged(
        Some(host.name()),
        "traefik",
        "it is running and watches its routing files",
    );
}

/// Warns where a Traefik that stays was started with other settings, or by another tenant, and where that leaves a port of the
/// configuration without an answer.
fn warn_of_differences(draft: &mut Draft, host: &HostView, wanted: &container::Create) {
    let labels = host.facts.containers.get(TRAEFIK).map(|c| &c.labels);
    let label = |name: &str| labels.and_then(|labels| labels.get(name));
    if label(LABEL_CREATE).is_none_or(|label| *label == wanted.digest.as_str()) {
        return;
    }
    let mut parts = label(LABEL_SETTINGS)
        .map(|recorded| wanted.changed_settings(recorded).join(", "))
        .unwrap_or_default();
    if !parts.is_empty() {
        parts = format!(": {parts}");
    }
    draft.warnings.push(format!(
        "host {}: Traefik differs from deploy.yml{parts}; deploy leaves it as it is",
        host.name()
    ));
    let holder = format!("container {TRAEFIK}");
    let ports = draft.config.traefik.published_ports().into_iter();
    let closed: Vec<String> = ports
        .map(|port| port.to_string())
        .filter(|port| {
            let taken = host.facts.ports.get(port);
            taken.is_none_or(|taken| taken.holder != holder)
        })
        .collect();
    if !closed.is_empty() {
        draft.warnings.push(format!(
            "host {}: that Traefik does not publish port {} of deploy.yml: requests to it fail",
            host.name(),
            list(&closed)
        ));
    }
}

fn create(draft: &mut Draft, host: &HostView, args: &[String]) {
    let wanted = wanted::create(draft, host, args);
    let directory = host.facts.routing_directory.clone();
    let existing = host.facts.containers.get(TRAEFIK);
    let leftovers = format!("label={LABEL_CREATE}={}", wanted.digest);
    let mut first = vec![
        Run::literal(["mkdir", "-p", &directory]),
        image::pull_reference(&draft.config.traefik.image),
        container::prune(&[leftovers]),
    ];
    if existing.is_some_and(|container| {
        container.labels.get(LABEL_CREATE) != Some(&wanted.digest.to_string())
            || container.state.is_up()
    }) {
        first.push(container::remove(TRAEFIK));
    }
    let (summary, why) = match existing {
        Some(_) => (
            "Replace Traefik",
            Reason::Incomplete {
                what: "Traefik's container is not running".into(),
            },
        ),
        None => (
            "Start Traefik",
            Reason::Missing {
                what: "Traefik".into(),
            },
        ),
    };
    let networks = foreign_networks(draft.config, host.facts);
    let mut done = vec![
        Predicate::eq(&["containers", TRAEFIK, "state"], ContainerState::Running),
        Predicate::eq(
            &["containers", TRAEFIK, "labels", LABEL_CREATE],
            wanted.digest.as_str(),
        ),
    ];
    done.extend(
        [NETWORK]
            .into_iter()
            .chain(networks.iter().copied())
            .map(|network| Predicate::contains(&["containers", TRAEFIK, "networks"], network)),
    );
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
    .runs([container::connect(TRAEFIK, None)])
    .runs(
        networks
            .iter()
            .map(|network| container::connect_to(network, TRAEFIK)),
    )
    .runs([container::start(TRAEFIK)])
    .done_when(done)
    .on_failure(vec![container::logs(TRAEFIK)], Vec::new())
    .silence(SILENCE)
    .build();
    draft.add(step);
}

fn check_port(draft: &mut Draft, host: &HostView) {
    let own = format!("container {TRAEFIK}");
    for port in draft.config.traefik.published_ports() {
        let Some(taken) = host.facts.ports.get(&port.to_string()) else {
            continue;
        };
        if taken.holder == own {
            continue;
        }
        let setting = match port == draft.config.traefik.host_port {
            true => "set `traefik: {host_port: N}`",
            false => "change `traefik: {options: {publish: …}}`",
        };
        draft.errors.push(
            Diagnostic::error(format!(
                "host {}: port {port} for Traefik is already in use ({})",
                host.name(),
                taken.holder
            ))
            .help(format!("stop it, or {setting}")),
        );
    }
}
