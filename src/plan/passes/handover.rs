//! The handover between containers: requests go to the new one, the old ones are drained and stopped.

use std::collections::BTreeSet;

use super::switch::{id_of, why};
use crate::action::{Action, Poll, Probe, Run, Write};
use crate::docker::container;
use crate::docker::names::{LABEL_HEALTHCHECK, TRAEFIK};
use crate::facts::model::{ContainerFacts, FileFacts, HostFacts};
use crate::name::{Sha256Hex, StepId};
use crate::plan::draft::{Draft, QUICK, StepBuilder};
use crate::plan::model::{Reason, StepKind};
use crate::plan::predicate::Predicate;
use crate::plan::situation::{Placement, Situation};
use crate::traefik;

/// Seconds that Traefik has to load a routing file.
const ROUTE_SECONDS: u32 = 20;

/// Adds the step that sends requests to the new container. `None` where its labels are refused.
pub(super) fn route(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    after: &StepId,
) -> Option<StepId> {
    let config = draft.config;
    let text = match traefik::routing_file(&traefik::RouteSpec {
        service: &config.service,
        destination: config.destination.as_deref(),
        role: placement.role.name.as_str(),
        labels: &placement.role.labels,
        arguments: &super::traefik::command_line(config, facts),
        port: config.healthcheck.port,
        alias: &placement.alias,
        container: &placement.name,
    }) {
        Ok(text) => text,
        Err(errors) => {
            draft.refuse_labels("label", errors);
            return None;
        }
    };
    let hash = Sha256Hex::of(text.as_bytes());
    let write = write(draft, &placement.routing_path, text);
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

/// Returns what puts the old route back and removes the new container. Nothing where the old file's text is not known: the new
/// container then stays, since requests may go to it.
fn take_back(draft: &mut Draft, placement: &Placement, facts: &HostFacts) -> Vec<Action> {
    let mut actions = match facts.files.get(&placement.routing_path) {
        Some(old) if !is_known(old) => return Vec::new(),
        Some(old) => vec![write(draft, &placement.routing_path, old.text.clone())],
        None => vec![Action::Run(Run::literal([
            "rm",
            "-f",
            &placement.routing_path,
        ]))],
    };
    if matches!(placement.situation, Situation::Replace { .. }) {
        actions.push(Action::Run(container::remove(&placement.name)));
    }
    actions
}

fn is_known(file: &FileFacts) -> bool {
    Sha256Hex::of(file.text.as_bytes()).as_str() == file.sha256
}

fn write(draft: &mut Draft, path: &str, text: String) -> Action {
    Action::Write(Write {
        path: path.to_owned(),
        content: draft.content(text),
        mode: "0644".into(),
    })
}

/// Returns the poll that proves that Traefik sends requests to the new container.
fn probe(placement: &Placement) -> Poll {
    Poll {
        probe: Probe::Route,
        container: TRAEFIK.into(),
        port: Some(traefik::PROBE_PORT),
        path: Some("/".into()),
        host: Some(traefik::probe_host(&placement.alias)),
        expect: Some(placement.name.clone()),
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
