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
use crate::plan::Plan;
use crate::plan::operation::{
    BreakGlass, Broadcasts, HookRuns, Operation, OperationKind, Orphans, ReleaseRuns, Undo,
};

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
        end(&mut draft, one);
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
        hooks: HookRuns::All,
        broadcasts: Broadcasts::Sent,
    }
}

/// Ends what the plan starts where nothing served before.
fn end(draft: &mut Draft, one: &Return) {
    let mut hosts = draft.hosts.iter();
    let Some(host): Option<HostView> = hosts.find(|host| host.name() == one.slot.host).copied()
    else {
        return;
    };
    let role = &one.slot.role.name;
    let unrouted = app::stop::unroute(draft, &host, role);
    let container = host.facts.containers.get(&one.wanted);
    if let Some(container) = container.filter(|_| one.starts) {
        app::stop::end(draft, &host, role, (&one.wanted, container), unrouted);
    }
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
