//! The handover between containers: requests go to the new one, the old ones are drained and stopped.

use std::collections::{BTreeMap, BTreeSet};

use super::switch::{id_of, why};
use super::takeover;
use super::traefik::{arguments, is_to_be_created};
use crate::action::{Action, Poll, Probe, Run, Write};
use crate::config::model::Config;
use crate::docker::container;
use crate::docker::names::{LABEL_HEALTHCHECK, TRAEFIK};
use crate::facts::model::{ContainerFacts, FileFacts, HostFacts};
use crate::name::{Sha256Hex, StepId};
use crate::plan::draft::{Draft, QUICK, StepBuilder};
use crate::plan::model::{Reason, StepKind};
use crate::plan::predicate::Predicate;
use crate::plan::situation::{Placement, Situation};
use crate::traefik;

/// Seconds that Traefik has to take a trial file.
pub(super) const TRIAL_SECONDS: u32 = 10;

/// Seconds that Traefik has to load a routing file.
const ROUTE_SECONDS: u32 = 20;

/// Adds the step that sends requests to the new container. `None` where its labels are refused.
pub(super) fn route(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    after: &StepId,
) -> Option<StepId> {
    let outranked = shown_by_docker(placement, facts);
    let text = match traefik::routing_file(&spec(draft.config, placement, &outranked)) {
        Ok(text) => text,
        Err(errors) => {
            draft.refuse_labels("label", errors);
            return None;
        }
    };
    refuse_unreachable(draft, placement, facts);
    let hash = Sha256Hex::of(text.as_bytes());
    let write = file_write(draft, &placement.routing_path, text);
    let cleanup = take_back(draft, placement, facts);
    let step = StepBuilder::new(
        id_of(placement, &placement.name, "route"),
        StepKind::Route,
        Some(placement.host),
        format!("Send requests to {}", placement.name),
        why(placement),
    )
    .role(&placement.role.name)
    .needs([after.clone()])
    .needs(draft.find(Some(placement.host), StepKind::Traefik))
    .does(write)
    .does(Action::Poll(probe(placement)))
    .done_when(vec![
        Predicate::eq(&["files", &placement.routing_path, "sha256"], hash.as_str()),
        Predicate::contains(
            &["files", &placement.routing_path, "aliases"],
            placement.alias.as_str(),
        ),
    ])
    .on_failure(
        vec![container::logs(TRAEFIK), container::logs(&placement.name)],
        cleanup,
    )
    .begins(false)
    .build();
    Some(draft.add(step))
}

fn spec<'a>(
    config: &'a Config,
    placement: &'a Placement,
    outranks: &'a [&'a BTreeMap<String, String>],
) -> traefik::RouteSpec<'a> {
    traefik::RouteSpec {
        service: &config.service,
        destination: config.destination.as_deref(),
        role: placement.role.name.as_str(),
        labels: &placement.role.labels,
        port: config.healthcheck.port,
        alias: &placement.alias,
        container: &placement.name,
        outranks,
    }
}

/// A look at what Traefik thinks of the routes, before they are those of users.
pub(super) struct Trial {
    /// What is done.
    pub actions: Vec<Action>,
    /// What is undone where that fails.
    pub cleanup: Action,
}

/// Returns the trial of the routes that the labels define. Traefik leaves out each router that it cannot make, while the file as
/// such is loaded: users would get 404 until it is taken back.
pub(super) fn trial(draft: &mut Draft, placement: &Placement) -> Option<Trial> {
    let config = draft.config;
    let text = traefik::trial_file(&spec(config, placement, &[]))?;
    let (directory, _) = placement.routing_path.rsplit_once('/')?;
    let destination = config.destination.as_deref();
    let role = placement.role.name.as_str();
    let name = traefik::trial_file_name(&config.service, destination, role);
    let path = format!("{directory}/{name}");
    let remove = Action::Run(Run::literal(["rm", "-f", &path]));
    let poll = Poll {
        host: Some(traefik::trial_host(&placement.alias)),
        attempts: TRIAL_SECONDS,
        ..probe(placement)
    };
    Some(Trial {
        actions: vec![
            file_write(draft, &path, text),
            Action::Poll(poll),
            remove.clone(),
        ],
        cleanup: remove,
    })
}

/// Refuses labels whose router listens where the Traefik that is to serve does not.
fn refuse_unreachable(draft: &mut Draft, placement: &Placement, facts: &HostFacts) {
    let host = draft
        .hosts
        .iter()
        .find(|host| host.name() == placement.host);
    let stays = host.is_some_and(|host| !is_to_be_created(host));
    let args = match (&facts.traefik, stays) {
        (Some(running), true) => Some(running.args.clone()),
        _ => arguments(draft),
    };
    let Some(args) = args else { return };
    let entrypoints = traefik::entrypoints(&args);
    let errors = traefik::unreachable(&placement.role.labels, &entrypoints);
    draft.refuse_labels("label", errors);
}

/// Returns the labels of the old containers to which Traefik's Docker provider sends requests, beside any routing file.
fn shown_by_docker<'a>(
    placement: &Placement,
    facts: &'a HostFacts,
) -> Vec<&'a BTreeMap<String, String>> {
    let renamed = match &placement.situation {
        Situation::Replace {
            rename_to: Some(_), ..
        } => Some(&placement.name),
        _ => None,
    };
    let old = placement.old.iter().chain(renamed);
    old.filter_map(|name| facts.containers.get(name))
        .filter(|container| takeover::is_shown_by_docker(container))
        .map(|container| &container.labels)
        .collect()
}

/// Returns what puts the old route back and removes the new container. Nothing where the old file's text is not known: the new
/// container then stays, since requests may go to it.
fn take_back(draft: &mut Draft, placement: &Placement, facts: &HostFacts) -> Vec<Action> {
    let path = &placement.routing_path;
    let mut actions = match (takeover_text(draft, placement), facts.files.get(path)) {
        (Some(text), _) => vec![file_write(draft, path, text)],
        (None, Some(old)) if !is_known(old) => return Vec::new(),
        (None, Some(old)) => vec![file_write(draft, path, old.text.clone())],
        (None, None) => vec![Action::Run(Run::literal(["rm", "-f", path]))],
    };
    if matches!(placement.situation, Situation::Replace { .. }) {
        actions.push(Action::Run(container::remove(&placement.name)));
    }
    actions
}

/// Returns the text of the routing file that the plan writes before the new container starts, where it does.
fn takeover_text(draft: &Draft, placement: &Placement) -> Option<String> {
    let host = draft
        .hosts
        .iter()
        .find(|host| host.name() == placement.host)?;
    takeover::adoption(draft.config, placement, host)
        .ok()?
        .map(|adoption| adoption.text)
}

fn is_known(file: &FileFacts) -> bool {
    Sha256Hex::of(file.text.as_bytes()).as_str() == file.sha256
}

/// Returns the writing of a routing file.
pub(super) fn file_write(draft: &mut Draft, path: &str, text: String) -> Action {
    Action::Write(Write {
        path: path.to_owned(),
        content: draft.content(text),
        mode: "0644".into(),
    })
}

/// Returns the poll that proves that Traefik sends requests to the new container.
fn probe(placement: &Placement) -> Poll {
    probe_of(TRAEFIK, &placement.alias, &placement.name)
}

/// Returns the poll that proves that the Traefik in container `of` has loaded the routing file of `container`, known by `alias`.
pub(super) fn probe_of(of: &str, alias: &str, container: &str) -> Poll {
    Poll {
        probe: Probe::Route,
        container: of.to_owned(),
        port: Some(traefik::PROBE_PORT),
        path: Some("/".into()),
        host: Some(traefik::probe_host(alias)),
        expect: Some(container.to_owned()),
        interval_ms: 1000,
        attempts: ROUTE_SECONDS,
    }
}

/// Adds the step that waits until `old` has no request in flight. `begins`: it is the first of its switch.
pub(super) fn drain(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    old: &str,
    after: Option<StepId>,
    begins: bool,
) -> StepId {
    let seconds = draft.config.drain_timeout;
    let container = facts
        .containers
        .get(old)
        .or_else(|| facts.containers.get(&placement.name));
    let ports = container.map_or_else(BTreeSet::new, served_ports);
    let ports = if ports.is_empty() {
        BTreeSet::from([draft.config.healthcheck.port])
    } else {
        ports
    };
    let idle = ports.into_iter().map(|port| Poll {
        probe: Probe::Idle,
        container: old.to_owned(),
        port: Some(port),
        path: None,
        host: None,
        expect: None,
        interval_ms: 1000,
        attempts: seconds,
    });
    let polls: Vec<Poll> = [probe(placement)].into_iter().chain(idle).collect();
    let bound = u32::try_from(polls.len()).unwrap_or(u32::MAX);
    let step = StepBuilder::new(
        id_of(placement, old, "drain"),
        StepKind::Drain,
        Some(placement.host),
        format!("Wait until {old} has no request in flight, at most {seconds} s"),
        Reason::Replaced {
            what: old.to_owned(),
        },
    )
    .role(&placement.role.name)
    .needs(after);
    let step = polls
        .into_iter()
        .map(Action::Poll)
        .fold(step, StepBuilder::does)
        .done_when(vec![Predicate::eq(&["containers", old, "in_flight"], 0)])
        .timeout(seconds.saturating_mul(bound).saturating_add(QUICK))
        .begins(begins)
        .build();
    draft.add(step)
}

/// Returns the TCP ports on which a container serves requests: those that its labels name, else that of its health check.
fn served_ports(container: &ContainerFacts) -> BTreeSet<u16> {
    let is_port = |key: &str| {
        let key = key.to_lowercase();
        key.starts_with("traefik.") && key.ends_with(".loadbalancer.server.port")
    };
    let named: BTreeSet<u16> = container
        .labels
        .iter()
        .filter(|(key, _)| is_port(key))
        .filter_map(|(_, value)| value.trim().parse().ok())
        .collect();
    if !named.is_empty() {
        return named;
    }
    let label = container.labels.get(LABEL_HEALTHCHECK);
    let port = label.and_then(|label| label.split(' ').next()?.parse().ok());
    port.into_iter().collect()
}

/// Adds the step that stops `old`. `begins`: it is the first of its switch.
pub(super) fn stop(
    draft: &mut Draft,
    placement: &Placement,
    old: &str,
    after: Option<StepId>,
    begins: bool,
) -> StepId {
    let seconds = draft.config.stop_wait_time;
    let step = StepBuilder::new(
        id_of(placement, old, "stop"),
        StepKind::Stop,
        Some(placement.host),
        format!("Stop {old}"),
        Reason::Replaced {
            what: old.to_owned(),
        },
    )
    .role(&placement.role.name)
    .needs(after)
    .runs([container::stop(old, seconds)])
    .done_when(vec![Predicate::eq(&["containers", old, "state"], "exited")])
    .timeout(seconds.saturating_add(QUICK))
    .begins(begins)
    .build();
    draft.add(step)
}
