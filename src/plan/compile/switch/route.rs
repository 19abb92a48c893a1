//! The handover between containers: requests go to the new one, the old ones are drained and stopped.

use std::collections::BTreeMap;

use super::health as polls;
use super::start::{id_of, why};
use crate::action::{Action, Run, Write};
use crate::config::model::Config;
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::facts::model::{ContainerState, FileFacts, HostFacts};
use crate::name::{Sha256Hex, StepId};
use crate::plan::compile::draft::{Draft, QUICK, StepBuilder};
use crate::plan::compile::placement::{Placement, Situation};
use crate::plan::compile::proxy::takeover;
use crate::plan::kinds::StepKind;
use crate::plan::model::Reason;
use crate::plan::predicate::Predicate;
use crate::traefik;

/// Seconds for which Traefik tries to send a request that its retry middleware has: four pauses that grow from 0.5 s.
const RETRY_SECONDS: &str = "5";

/// Adds the step that sends requests to the new container. `None` where its labels are refused.
pub(in crate::plan::compile) fn route(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
    after: &StepId,
) -> Option<StepId> {
    let outranked = shown_by_docker(placement, facts);
    let arguments = crate::plan::compile::proxy::start::command_line(draft.config, facts);
    let spec = spec(draft.config, placement, &arguments, &outranked);
    let text = match traefik::routing_file(&spec) {
        Ok(text) => text,
        Err(errors) => {
            draft.refuse_labels("label", errors);
            return None;
        }
    };
    let hash = Sha256Hex::of(text.as_bytes());
    let write = file_write(draft, &placement.routing_path, text);
    let trial = trial(draft, placement, facts).map(|trial| trial.remove);
    let mut cleanup = take_back(draft, placement, facts);
    cleanup.extend(trial.clone());
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
    .does(Action::Poll(polls::routed(placement)));
    let step = trial
        .into_iter()
        .fold(step, StepBuilder::does)
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
    arguments: &'a [String],
    outranks: &'a [&'a BTreeMap<String, String>],
) -> traefik::RouteSpec<'a> {
    traefik::RouteSpec {
        service: &config.service,
        destination: config.destination.as_deref(),
        role: placement.role.name.as_str(),
        labels: &placement.role.labels,
        arguments,
        port: config.healthcheck.port,
        alias: &placement.alias,
        container: &placement.name,
        outranks,
    }
}

/// A look at what Traefik thinks of the routes, before they are those of users.
pub(in crate::plan::compile) struct Trial {
    /// What is done.
    pub actions: Vec<Action>,
    /// What removes it.
    pub remove: Action,
}

/// Returns the trial of the routes that the labels define. Traefik leaves out each router that it cannot make, while the file as
/// such is loaded: users would get 404 until it is taken back. The trial stays until the routes are loaded, since Traefik looks
/// less soon after a change that follows another.
pub(in crate::plan::compile) fn trial(
    draft: &mut Draft,
    placement: &Placement,
    facts: &HostFacts,
) -> Option<Trial> {
    let config = draft.config;
    let arguments = crate::plan::compile::proxy::start::command_line(config, facts);
    let text = traefik::trial_file(&spec(config, placement, &arguments, &[]))?;
    let (directory, _) = placement.routing_path.rsplit_once('/')?;
    let destination = config.destination.as_deref();
    let role = placement.role.name.as_str();
    let name = traefik::trial_file_name(&config.service, destination, role);
    let path = format!("{directory}/{name}");
    let write = file_write(draft, &path, text);
    Some(Trial {
        actions: vec![write, Action::Poll(polls::tried(placement))],
        remove: Action::Run(Run::literal(["rm", "-f", &path])),
    })
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
pub(in crate::plan::compile) fn file_write(draft: &mut Draft, path: &str, text: String) -> Action {
    Action::Write(Write {
        path: path.to_owned(),
        content: draft.content(text),
        mode: "0644".into(),
    })
}

/// Returns what sends requests to the old container again, when the new one has failed after it had got some. The new container
/// stays a while: Traefik tries again to send it what it could not, and it may have been restarted.
pub(in crate::plan::compile) fn return_requests(
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
pub(in crate::plan::compile) fn drain(
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
pub(in crate::plan::compile) fn stop(
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
    .done_when(vec![Predicate::eq(
        &["containers", old, "state"],
        ContainerState::Exited,
    )])
    .timeout(seconds.saturating_add(QUICK))
    .begins(begins)
    .build();
    draft.add(step)
}
