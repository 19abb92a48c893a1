//! When a step of an undo is not needed, and which states of a host it accepts: any between the steps of the first plan.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::returns::Return;
use crate::facts::model::{ContainerState, HostFacts};
use crate::json;
use crate::name::{HostName, StepId};
use crate::plan::compile::Draft;
use crate::plan::predicate::Op;
use crate::plan::{Check, Plan, Predicate, Step, StepKind};

/// Fields of a container that change by themselves.
const VOLATILE: [&str; 5] = ["state", "health", "healthy", "in_flight", "exit_code"];

/// Sets when each step is not needed, and what each host is relied on to be.
pub(super) fn run(draft: &mut Draft, plan: &Plan, returns: &[Return]) {
    for one in returns {
        skip(draft, one);
    }
    // What the passes rely on is so only after the whole plan.
    draft.relies_on.clear();
    for host in draft.hosts.clone() {
        let steps = draft.steps_on(Some(host.name()));
        let steps: Vec<StepId> = steps.map(|step| step.id.clone()).collect();
        let before = returns.iter().find(|one| one.slot.host == host.name());
        let Some(before) = before.map(|one| one.before) else {
            continue;
        };
        let served = returns.iter().filter(|one| one.slot.host == host.name());
        let served = served.filter(|one| changes(one)).filter_map(|one| {
            let id = one.served?.1.id.as_str();
            Some(Predicate::has(&["containers"], json!({"id": id})))
        });
        let answers = Predicate::eq(&["docker", "answers"], true);
        let answers = before.docker.answers.then_some(answers);
        let mut predicates = Vec::from_iter(answers.into_iter().chain(served));
        predicates.extend(between(plan, host.name(), before));
        for predicate in predicates {
            draft.rely(host.name(), predicate, steps.clone());
        }
    }
}

/// Returns whether anything is done for the role on its host.
fn changes(one: &Return) -> bool {
    let placement = one.placement.as_ref();
    placement.is_none_or(|placement| placement.changes())
}

/// Sets when the steps for a container of a role on a host are not needed.
fn skip(draft: &mut Draft, one: &Return) {
    let [role, host] = [one.slot.role.name.as_str(), one.slot.host.as_str()];
    let returns = one
        .placement
        .as_ref()
        .map(|placement| placement.name.as_str());
    let is_of = |step: &&mut Step| {
        let of_role = step.role.as_ref().is_some_and(|name| name.as_str() == role);
        let here = of_role && step.host.as_ref().is_some_and(|name| name.as_str() == host);
        let mut subject = step.id.as_str().rsplit('/').skip(1);
        let subject = subject.next();
        here && match step.kind {
            StepKind::Start | StepKind::Healthcheck | StepKind::Route => subject == returns,
            StepKind::Drain | StepKind::Stop => subject == one.wanted.as_deref(),
            _ => true,
        }
    };
    let path = one.placement.as_ref().map(|one| one.routing_path.as_str());
    let file = path.and_then(|path| Some((path, one.before.files.get(path)?)));
    let routed =
        file.map(|(path, file)| Predicate::eq(&["files", path, "sha256"], file.sha256.as_str()));
    let runs = one.served.map(|(_, served)| {
        let fields = json!({"id": served.id, "state": ContainerState::Running});
        Predicate::has(&["containers"], fields)
    });
    let serves: Vec<Predicate> = runs.into_iter().chain(routed.clone()).collect();
    let gone = Vec::from_iter(gone(one));
    for step in draft.steps.iter_mut().filter(is_of) {
        step.unless = match step.kind {
            StepKind::Start | StepKind::Healthcheck => serves.clone(),
            StepKind::Route => Vec::from_iter(routed.clone()),
            StepKind::Drain | StepKind::Stop => gone.clone(),
            StepKind::Unroute => Vec::from_iter(as_before(one, step)),
            // All containers of a role have the same.
            StepKind::Assets => [step.unless.as_slice(), &serves].concat(),
            _ => continue,
        };
    }
}

/// Returns that the file that a step removes is not that of the first plan: it is as it was before.
fn as_before(one: &Return, step: &Step) -> Option<Predicate> {
    let Some(Check::Facts(predicates)) = &step.check else {
        return None;
    };
    let tokens = json::tokens(&predicates.first()?.fact);
    let path = tokens.get(1)?;
    let file = one.before.files.get(path);
    let hash = file.map(|file| file.sha256.as_str().into());
    let hashes = hash.into_iter().chain([Value::Null]).collect();
    Some(Predicate::one_of(&["files", path, "sha256"], hashes))
}

/// Returns that what the first plan starts does not run: it was not begun, or has ended. What ran under its name before is another one.
fn gone(one: &Return) -> Option<Predicate> {
    let started = one.wanted.as_deref()?;
    let former = one.before.containers.get(started);
    Some(match former.filter(|former| former.state.is_up()) {
        Some(former) => {
            let ids = vec![former.id.as_str().into(), Value::Null];
            Predicate::one_of(&["containers", started, "id"], ids)
        }
        None => {
            use ContainerState::{Created, Dead, Exited};
            let ended = [Created, Exited, Dead].map(Value::from);
            let states = [Value::Null].into_iter().chain(ended);
            Predicate::one_of(&["containers", started, "state"], states.collect())
        }
    })
}

/// Returns the values that what the first plan sets may have between its steps, on one host.
fn between(plan: &Plan, host: &HostName, before: &HostFacts) -> Vec<Predicate> {
    let facts = serde_json::to_value(before).unwrap_or_default();
    let steps = plan.steps.iter().filter(|step| {
        let is_of_role = step.role.is_some() && step.kind != StepKind::Release;
        is_of_role && step.host.as_ref() == Some(host)
    });
    let checks = steps.filter_map(|step| match &step.check {
        Some(Check::Facts(predicates)) => Some(predicates),
        _ => None,
    });
    let mut values: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for predicate in checks.flatten() {
        let tokens = json::tokens(&predicate.fact);
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let is_steady = match tokens.as_slice() {
            ["containers", _, field, ..] => !VOLATILE.contains(field),
            ["files", _, "sha256"] => true,
            _ => false,
        };
        if !is_steady || !matches!(predicate.op, Op::Eq | Op::Absent) {
            continue;
        }
        let found = values.entry(&predicate.fact).or_insert_with(|| {
            let first = facts.pointer(&predicate.fact).cloned();
            let mut found = vec![first.unwrap_or_default()];
            // A container that fails is removed; and docker creates it anew only when its place is free.
            if tokens.first() == Some(&"containers") && found != [Value::Null] {
                found.push(Value::Null);
            }
            found
        });
        let value = predicate.value.clone().unwrap_or_default();
        if !found.contains(&value) {
            found.push(value);
        }
    }
    let tokens = |fact: &str| json::tokens(fact);
    let predicates = values.into_iter().map(|(fact, values)| {
        let tokens = tokens(fact);
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        Predicate::one_of(&tokens, values)
    });
    predicates.collect()
}
