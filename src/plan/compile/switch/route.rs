//! Sends requests to the new container, and takes them back if it fails.

use std::collections::BTreeMap;

use super::beside::beside;
use crate::action::{Action, Poll, Run, When};
use crate::docker::container;
use crate::docker::names::TRAEFIK;
use crate::facts::model::{FileFacts, HostFacts};
use crate::name::{Sha256Hex, StepId};
use crate::plan::compile::proxy::adoption::adoption;
use crate::plan::compile::proxy::facts::{command_line, is_served_by_labels};
use crate::plan::compile::proxy::reach::Users;
use crate::plan::compile::proxy::{certificate, proof, trial};
use crate::plan::compile::{Decision, Draft, HostView, Placement, emergency, predicates};
use crate::plan::{StepKind, Travel};
use crate::traefik;

/// Seconds for which Traefik tries to send a request that its retry middleware has: four pauses
/// that grow from 0.5 s.
const RETRY_SECONDS: &str = "5";

/// Adds the step that sends requests to the new container. `None` if its labels are refused.
pub fn route(
    draft: &mut Draft,
    placement: &Placement,
    host: &HostView,
    (users, after): (&Users, &[StepId]),
) -> Option<StepId> {
    let facts = host.facts;
    let text = routing_file(draft, placement, facts)?;
    let name = &placement.name;
    let done = predicates::is_routed(&placement.routing_path, &text, &placement.alias);
    let proof = proof_by(draft, placement, &text);
    let write = draft.write(&placement.routing_path, text);
    let trial = trial::trial(draft, placement, facts).map(|trial| trial.remove);
    let is_asked = !emergency::skips_health(draft);
    let asks = users.ask(placement, When::After).filter(|_| is_asked);
    let asked_for = match is_asked {
        true => users.summary(),
        false => String::new(),
    };
    let mut cleanup = match asks {
        Some(_) => return_requests(draft, placement, host),
        None => take_back(draft, placement, host),
    };
    cleanup.extend(trial.clone());
    let certificate = certificate::delivery(draft, placement);
    let step = placement
        .step(StepKind::Route, name, "route")
        .because(
            format!("Route requests to {name}{asked_for}"),
            placement.why(),
        )
        .needs(after.to_vec())
        .needs(draft.find(Some(placement.host), StepKind::Traefik))
        .does(certificate.runs)
        .secrets(&certificate.secrets, Travel::Stdin)
        .does([write, proof.into()])
        .does(asks)
        .does(trial)
        .done_when(done)
        .on_failure(
            [container::logs(TRAEFIK), placement.logs(draft.config)],
            cleanup,
        )
        .within_switch();
    Some(draft.add(step))
}

/// Returns the text of the routing file of the new container. `None` if its labels are refused.
pub fn routing_file(draft: &mut Draft, placement: &Placement, facts: &HostFacts) -> Option<String> {
    let served = placement.returns.as_ref();
    if let Some(text) = served.and_then(|served| served.text.clone()) {
        return Some(text);
    }
    let outranked = served_by_labels(placement, facts);
    let arguments = command_line(draft.config, facts);
    let beside = beside(draft, placement, facts);
    let spec = traefik::RouteSpec {
        beside: &beside,
        ..trial::spec(draft.config, placement, &arguments, &outranked)
    };
    let text = draft.renderer.routing_file(&spec);
    text.map_err(|errors| draft.refuse_labels("label", errors))
        .ok()
}

/// Returns the labels of the old containers to which Traefik's Docker provider sends requests,
/// beside any routing file.
fn served_by_labels<'a>(
    placement: &Placement,
    facts: &'a HostFacts,
) -> Vec<&'a BTreeMap<String, String>> {
    let renamed = match &placement.decision {
        Decision::Replace {
            rename_to: Some(_), ..
        } => Some(&placement.name),
        _ => None,
    };
    let old = placement.old.iter().chain(renamed);
    old.filter_map(|name| facts.containers.get(name))
        .filter(|container| is_served_by_labels(container))
        .map(|container| &container.labels)
        .collect()
}

/// Returns what puts the old route back and removes the new container. Nothing if the old file's
/// text is not known: the new container then stays, since requests may go to it.
fn take_back(draft: &mut Draft, placement: &Placement, host: &HostView) -> Vec<Action> {
    let path = &placement.routing_path;
    let before = earlier_text(draft, placement).or_else(|| takeover_text(draft, placement, host));
    let mut actions = match (before, host.facts.files.get(path)) {
        (Some(text), _) => vec![draft.write(path, text)],
        (None, Some(old)) if !is_known(old) => return Vec::new(),
        (None, Some(old)) => vec![draft.write(path, old.text.clone())],
        (None, None) => vec![Run::literal(["rm", "-f", path]).into()],
    };
    let undo = placement.undo_start(draft.config.stop_wait_time_of(&placement.role.name));
    actions.extend(undo.map(Action::from));
    actions
}

/// Returns what sends requests to the old container again, when the new one has failed after it had
/// got some. The new container stays a while: Traefik tries again to send it what it could not, and
/// it may have been restarted.
pub fn return_requests(draft: &mut Draft, placement: &Placement, host: &HostView) -> Vec<Action> {
    let mut actions = take_back(draft, placement, host);
    if actions.len() > 1 {
        actions.insert(1, Run::literal(["sleep", RETRY_SECONDS]).into());
    }
    actions
}

/// Asks for proof that the routing file is loaded that the plan has written before, or that is there.
pub fn proof(draft: &Draft, placement: &Placement, facts: &HostFacts) -> Poll {
    let there = facts.files.get(&placement.routing_path);
    let there = || there.map(|file| file.text.clone());
    let text = earlier_text(draft, placement).or_else(there);
    proof_by(draft, placement, &text.unwrap_or_default())
}

/// Asks for proof that the routing file with this text is loaded. It names the one of the role's containers that was routed last.
fn proof_by(draft: &Draft, placement: &Placement, text: &str) -> Poll {
    let mut replicas = draft.placements_on(placement.host);
    let last = replicas.find(|one| {
        one.role.name == placement.role.name && text.contains(&traefik::probe_host(&one.alias))
    });
    let last = last.unwrap_or(placement);
    let before = last.returns.as_ref().filter(|served| served.text.is_some());
    Poll {
        expect: before.map_or_else(
            || Some(last.name.clone()),
            |served| Some(served.name.clone()),
        ),
        ..proof::routed(last)
    }
}

/// Returns the text of the routing file that the plan has written for another container of the role.
fn earlier_text(draft: &Draft, placement: &Placement) -> Option<String> {
    let mut steps = draft.steps_on(Some(placement.host)).rev();
    let step = steps.find(|step| {
        step.kind == StepKind::Route && step.role.as_ref() == Some(&placement.role.name)
    })?;
    let written = step.action.iter().find_map(|action| match action {
        Action::Write(write) if write.path == placement.routing_path => Some(&write.content),
        _ => None,
    });
    draft.contents.get(written?).cloned()
}

/// Returns the text of the routing file that the plan writes before the new container starts.
fn takeover_text(draft: &Draft, placement: &Placement, host: &HostView) -> Option<String> {
    let adoption = adoption(draft.config, placement, host).ok()?;
    adoption.map(|adoption| adoption.text)
}

/// Returns whether the text of a file was recorded.
pub fn is_known(file: &FileFacts) -> bool {
    Sha256Hex::of(file.text.as_bytes()).as_str() == file.sha256
}
