//! Starts Traefik where it does not run, and sees whether one that runs is to be replaced.

use std::collections::BTreeSet;

use crate::action::{Action, Run};
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::docker::container;
use crate::docker::image;
use crate::docker::names::{LABEL_CREATE, LABEL_SETTINGS, NETWORK, TRAEFIK};
use crate::facts::model::{ContainerState, HostFacts, TraefikFacts};
use crate::name::{HostName, StepId};
use crate::plan::compile::draft::{Draft, HostView, SILENCE, StepBuilder, step_id};
use crate::plan::compile::placement::Situation;
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;
use crate::text::list;
use crate::traefik;

use super::takeover;

/// Returns whether a Traefik is to be created on `host`.
pub fn is_to_be_created(host: &HostView) -> bool {
    !stays(host.facts)
}

/// Returns whether the Traefik that runs on a host is the one that will route there.
pub(in crate::plan::compile) fn stays(facts: &HostFacts) -> bool {
    facts.traefik.as_ref().is_some_and(can_switch)
}

/// Returns the command line of the Traefik that will route on a host: of the one that stays, else of the one that `config`
/// starts. Empty where the configuration's arguments are refused.
pub(in crate::plan::compile) fn command_line(config: &Config, facts: &HostFacts) -> Vec<String> {
    match &facts.traefik {
        Some(running) if can_switch(running) => running.args.clone(),
        _ => traefik::command_line(&user_arguments(config)).unwrap_or_default(),
    }
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
        if !draft.operation.kind.prepares_hosts() {
            let what = match &host.facts.traefik {
                None => "Traefik does not run",
                Some(_) => "its Traefik cannot switch requests without a gap",
            };
            draft.refuse_unprepared(&host, what);
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
fn arguments(draft: &mut Draft) -> Option<Vec<String>> {
    traefik::command_line(&user_arguments(draft.config))
        .map_err(|errors| draft.refuse_labels("traefik argument", errors))
        .ok()
}

fn user_arguments(config: &Config) -> Vec<(String, Option<String>)> {
    let args = config.traefik.args.iter();
    args.map(|arg| (arg.name.clone(), arg.value.clone()))
        .collect()
}

fn keep(draft: &mut Draft, host: &HostView, args: &[String]) {
    let wanted = wanted(draft, host, args);
    warn_of_differences(draft, host, &wanted);
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
        parts = format!(" ({parts})");
    }
    draft.warnings.push(format!(
        "host {}: Traefik runs with other settings than the configuration has{parts}; deploy leaves it as it is",
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
            "host {}: that Traefik does not publish port {}, which the configuration wants: no request arrives there",
            host.name(),
            list(&closed)
        ));
    }
}

/// Returns whether Traefik is in mrsk's network.
pub(in crate::plan::compile) fn is_connected(host: &HostView) -> bool {
    let container = host.facts.containers.get(TRAEFIK);
    container.is_some_and(|container| container.networks.contains_key(NETWORK))
}

/// Adds a step that lets a running Traefik reach what it routes to.
pub(in crate::plan::compile) fn connect(draft: &mut Draft, host: &HostView, gate: Option<StepId>) {
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
    let networks = others_networks(draft.config, host.facts);
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

/// Returns the networks by which the Traefik that is replaced reaches containers of others, and that the new one would not join.
pub(in crate::plan::compile) fn others_networks<'a>(
    config: &Config,
    facts: &'a HostFacts,
) -> Vec<&'a str> {
    let existing = facts.containers.get(TRAEFIK);
    let joins = |network: &str| {
        let mut options = config.traefik.options.iter();
        options.any(|option| {
            let mut words = option.value.iter().flat_map(|value| value.split(','));
            option.name == "network"
                && words.any(|word| word.strip_prefix("name=").unwrap_or(word) == network)
        })
    };
    existing
        .into_iter()
        .flat_map(|container| container.networks.keys())
        .filter(|network| facts.networks.contains(*network))
        .map(String::as_str)
        .filter(|network| !["bridge", "host", "none", NETWORK].contains(network) && !joins(network))
        .collect()
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
                "host {}: port {port}, which Traefik needs, is held by a {}",
                host.name(),
                taken.holder
            ))
            .help(format!("stop what holds it, or {setting}")),
        );
    }
}
