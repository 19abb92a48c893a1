//! The undo of a plan: another one, which brings back what served before it.
//!
//! It is compiled from the facts as the first plan will leave them, by the passes of a rollback. It can be applied after any
//! part of the first plan: each step says when it is not needed, and each host when it is none of these states.

mod after;
mod guards;
mod losses;
mod returns;

use std::collections::BTreeSet;

use self::returns::{Return, returns};
use super::placement::version_of;
use super::target::Target;
use super::{
    Draft, HostView, Result, app, begin, finish, intercept, reduction, selection, switch, target,
};
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::facts::model::Facts;
use crate::name::{RoleName, StepId};
use crate::plan::operation::{
    BreakGlass, Broadcasts, Operation, OperationKind, Orphans, ReleaseRuns, Undo,
};
use crate::plan::{Plan, Step, StepKind};

/// Returns why nothing that is `asked` for can be undone, if so: it replaces no container.
///
/// # Errors
/// The operation.
pub fn check_undo(asked: &Operation) -> Result<()> {
    if asked.kind.can_be_undone() {
        return Ok(());
    }
    let message = format!("there is no undo of `{}`", asked.name());
    let help = "omit `--undo`: only what replaces containers of the app can be undone";
    Err(vec![Diagnostic::error(message).help(help)])
}

/// Compiles the plan that brings back what serves before `plan`, which was compiled from the same configuration and facts.
///
/// # Errors
/// The operation replaces no container, or takes over what another tool has started.
pub fn undo(config: &Config, facts: &Facts, plan: &Plan) -> Result<Plan> {
    let asked = &plan.operation;
    check_undo(asked)?;
    let selected = selection::select(config, asked)?;
    let resolved = target::resolve(config, facts, asked, &selected)?;
    let first = begin::draft(config, facts, &resolved, selected)?;
    let after = after::facts(config, plan, &first);
    let returns = returns(&first, &after)?;
    let target = Target {
        operation: operation(plan, &returns),
        note: None,
        pulled: None,
    };
    let selected = selection::select(config, &target.operation)?;
    let mut draft = begin::draft(config, &after, &target, selected)?;
    let placements = returns.iter().filter_map(|one| one.placement.clone());
    begin::place(&mut draft, placements.collect());
    switch::run(&mut draft);
    for one in returns.iter().filter(|one| one.placement.is_none()) {
        end(&mut draft, one, &returns);
    }
    intercept::standing::note(&mut draft);
    guards::run(&mut draft, plan, &returns);
    losses::warn(&mut draft, plan, asked);
    reduction::run(&mut draft);
    finish::finish(draft)
}

/// Returns the operation of the undo. It has a version if only one serves again.
fn operation(plan: &Plan, returns: &[Return]) -> Operation {
    let versions: BTreeSet<Option<String>> = returns
        .iter()
        .filter(|one| one.served.is_some() || !others_served(one, returns))
        .map(|one| Some(version_of(one.served?.1)))
        .collect();
    let version = match Vec::from_iter(versions).as_slice() {
        [version] => version.clone(),
        _ => None,
    };
    let asked = &plan.operation;
    let plan = plan.digest.clone();
    Operation {
        kind: OperationKind::Undo(Undo { plan, version }),
        destination: asked.destination.clone(),
        hosts: asked.hosts.clone(),
        roles: asked.roles.clone(),
        break_glass: BreakGlass::default(),
        orphans: Orphans::Named,
        release_runs: ReleaseRuns::Once,
        hooks: asked.hooks,
        broadcasts: Broadcasts::Sent,
    }
}

/// Returns whether other containers of the role served on the host.
fn others_served(one: &Return, returns: &[Return]) -> bool {
    let mut others = returns.iter();
    others.any(|other| {
        let is_beside =
            other.slot.role.name == one.slot.role.name && other.slot.host == one.slot.host;
        is_beside && other.placement.is_some()
    })
}

/// Ends what the plan starts where nothing served before, or fewer containers did.
fn end(draft: &mut Draft, one: &Return, returns: &[Return]) {
    let mut hosts = draft.hosts.iter();
    let Some(host): Option<HostView> = hosts.find(|host| host.name() == one.slot.host).copied()
    else {
        return;
    };
    let role = &one.slot.role.name;
    let unrouted = match others_served(one, returns) {
        true => {
            let mut steps = draft.steps_on(Some(host.name())).rev();
            let route =
                steps.find(|step| step.kind == StepKind::Route && step.role.as_ref() == Some(role));
            route.map(|step| step.id.clone())
        }
        false => unrouted(draft, &host, role),
    };
    let container = one.wanted.as_ref();
    let container = container.and_then(|name| host.facts.containers.get_key_value(name));
    if let Some((name, container)) = container.filter(|_| one.starts) {
        app::stop::end(draft, &host, role, (name, container), unrouted);
    }
}

/// Returns the step that removes the routes of a role, which is added once.
fn unrouted(draft: &mut Draft, host: &HostView, role: &RoleName) -> Option<StepId> {
    let is_it = |step: &&Step| step.kind == StepKind::Unroute && step.role.as_ref() == Some(role);
    let found = draft.steps_on(Some(host.name())).find(is_it);
    match found.map(|step| step.id.clone()) {
        Some(found) => Some(found),
        None => app::stop::unroute(draft, host, role),
    }
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
