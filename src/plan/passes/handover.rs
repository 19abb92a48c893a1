//! The handover between containers: requests go to the new one, the old ones are drained and stopped.

use super::polls;
use super::switch::{id_of, why};
use crate::action::{Action, Run, Write};
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::facts::model::{FileFacts, HostFacts};
use crate::name::{Sha256Hex, StepId};
use crate::plan::draft::{Draft, QUICK, StepBuilder};
use crate::plan::model::{Reason, StepKind};
use crate::plan::predicate::Predicate;
use crate::plan::situation::{Placement, Situation};
use crate::traefik;

/// Seconds for which Traefik tries to send a request that its retry middleware has: four pauses that grow from 0.5 s.
const RETRY_SECONDS: &str = "5";

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
    .does(Action::Poll(polls::routed(placement)))
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

/// Returns what sends requests to the old container again, when the new one has failed after it had got some. The new container
/// stays a while: Traefik tries again to send it what it could not, and it may have been restarted.
pub(super) fn return_requests(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
) -> Vec<Action> {
    let mut actions = take_back(draft, placement, facts);
    if actions.len() > 1 {
        actions.insert(1, Action::Run(Run::literal(["sleep", RETRY_SECONDS])));
    }
    actions
}

/// Adds the step that waits until `old` has no request in flight, while the new container proves itself. `begins`: it is the first
/// of its switch. `cleanup` is for the case that the new container fails.
pub(super) fn drain(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    old: &str,
    after: Option<StepId>,
    begins: bool,
    cleanup: Vec<Action>,
) -> StepId {
    let seconds = draft.config.drain_timeout;
    let mut polls = vec![polls::routed(placement)];
    polls.extend(polls::idle(draft.config, placement, facts, old));
    polls.push(polls::still_healthy(draft.config, placement));
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
        .on_failure(
            vec![container::logs(TRAEFIK), container::logs(&placement.name)],
            cleanup,
        )
        .timeout(seconds.saturating_mul(bound).saturating_add(QUICK))
        .begins(begins)
        .build();
    draft.add(step)
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
