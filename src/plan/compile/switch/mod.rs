//! Replaces containers: the canary first, then in groups.

use std::collections::BTreeMap;

pub mod drain;
mod health;
pub mod route;
mod sequence;
mod start;

use self::sequence::{Switched, switch};
use crate::config::model::{Config, Limit, Role};
use crate::facts::model::Health;
use crate::name::{HostName, RoleName, StepId};
use crate::plan::compile::{Draft, HostView, Placement, emergency};
use crate::plan::{Reason, Step, StepKind};
use crate::text::count;

/// Adds the switch of every placement that does not run what is wanted.
pub fn run(draft: &mut Draft) {
    run_after(draft, None);
}

/// As [`run`]; every switch waits for `before`.
pub fn run_after(draft: &mut Draft, before: Option<StepId>) {
    let placements = draft.placements.clone();
    let (mut pending, kept): (Vec<_>, Vec<_>) =
        placements.iter().partition(|placement| placement.changes());
    for placement in kept {
        warn_of_unhealthy(draft, placement);
        let unchecked = unchecked(draft, placement);
        let reason = format!("{} is running and healthy{unchecked}", placement.name);
        draft.unchanged(Some(placement.host), placement.role.name.as_str(), reason);
    }
    let roles = ordered_roles(draft.config);
    let rank = |placement: &&Placement| {
        roles
            .iter()
            .position(|role| role.name == placement.role.name)
    };
    // Stable: within a role, the order of its hosts stays.
    pending.sort_by_key(rank);
    let Some(canary) = take_canary(draft, &mut pending) else {
        return;
    };
    let hosts = draft.hosts.iter().map(|host| (host.name(), *host));
    let hosts: BTreeMap<&HostName, HostView> = hosts.collect();
    if emergency::is_all_at_once(draft) {
        for placement in [canary].into_iter().chain(pending) {
            switch(draft, &hosts, placement, before.clone());
        }
        return;
    }
    let switched = switch(draft, &hosts, canary, before.clone());
    let mut stage = canary_gate(draft, canary, &switched, &pending).or(before);
    for (at, role) in roles.iter().enumerate() {
        let is_canary = role.name == canary.role.name;
        let others = pending
            .iter()
            .filter(|placement| placement.role.name == role.name);
        let members: Vec<&Placement> = is_canary
            .then_some(canary)
            .into_iter()
            .chain(others.copied())
            .collect();
        let size = group_size(draft, role.hosts.len());
        let mut before = stage.clone();
        let mut ends = Vec::new();
        for (number, group) in members.chunks(size).enumerate() {
            ends = Vec::new();
            for (at, placement) in group.iter().enumerate() {
                ends.extend(if is_canary && number == 0 && at == 0 {
                    switched.last.clone()
                } else {
                    switch(draft, &hosts, placement, before.clone()).last
                });
            }
            if number.saturating_add(1).saturating_mul(size) < members.len() {
                before = Some(group_gate(
                    draft,
                    role.name.as_str(),
                    number + 1,
                    size,
                    ends.clone(),
                ));
            }
        }
        let is_ordered = draft.config.boot.role_order.contains(&role.name);
        let later = roles.iter().skip(at + 1).find(|later| {
            let mut others = pending.iter();
            others.any(|placement| placement.role.name == later.name)
        });
        if let Some(later) = later.filter(|_| is_ordered && !ends.is_empty()) {
            stage = Some(role_gate(draft, &role.name, &later.name, ends));
        }
    }
}

/// Returns the roles in the order in which they switch: those of `boot.role_order` first.
fn ordered_roles(config: &Config) -> Vec<&Role> {
    let order = &config.boot.role_order;
    let rank = |role: &&Role| order.iter().position(|name| *name == role.name);
    let mut roles: Vec<&Role> = config.roles.iter().collect();
    roles.sort_by_key(|role| rank(role).unwrap_or(order.len()));
    roles
}

/// Adds the barrier that later roles wait for until `role` has switched on all of its hosts.
fn role_gate(draft: &mut Draft, role: &RoleName, later: &RoleName, ends: Vec<StepId>) -> StepId {
    let why = format!("role {later} follows role {role}");
    let subject = format!("{role}-switched");
    let step = Step::new(None, StepKind::Barrier, ["barrier", &subject, "open"])
        .because(
            format!("Wait for role {role} to switch"),
            Reason::needed_by(why),
        )
        .needs(ends)
        .opens_after(0);
    draft.add(step)
}

/// Warns of a container that serves, since it answers its health check, though the one of its image fails.
fn warn_of_unhealthy(draft: &mut Draft, placement: &Placement) {
    let host = draft.facts.hosts.get(placement.host);
    let container = host.and_then(|host| host.containers.get(&placement.name));
    if container.is_some_and(|container| container.health == Health::Unhealthy) {
        let check = draft.config.healthcheck_of(placement.role);
        draft.warn(format!(
            "host {}: {} answers 200 at :{}{}, but the HEALTHCHECK of its image says that it is unhealthy",
            placement.host, placement.name, check.port, check.path
        ));
    }
}

/// Says what could not be found out about a container that counts as unchanged.
fn unchecked(draft: &Draft, placement: &Placement) -> &'static str {
    match draft.facts.secrets_compared || placement.secrets().is_empty() {
        true => "",
        false => "; its secrets were not compared",
    }
}

/// Takes out the placement that goes first: of the first role that changes if roles have an order, else of the first Traefik role
/// that changes, else the first.
fn take_canary<'p, 'a>(
    draft: &Draft,
    pending: &mut Vec<&'p Placement<'a>>,
) -> Option<&'p Placement<'a>> {
    let has_order = !draft.config.boot.role_order.is_empty();
    let of_traefik = pending
        .iter()
        .position(|placement| placement.role.traefik || has_order);
    (!pending.is_empty()).then(|| pending.remove(of_traefik.unwrap_or(0)))
}

fn group_size(draft: &Draft, hosts: usize) -> usize {
    match draft.config.boot.limit {
        None => usize::MAX,
        Some(Limit::Hosts(hosts)) => hosts as usize,
        Some(Limit::Percent(percent)) => hosts * percent as usize / 100,
    }
    .max(1)
}

/// Adds the barrier that others wait for until the canary serves, unless it does so already or
/// nobody waits.
fn canary_gate(
    draft: &mut Draft,
    canary: &Placement,
    switched: &Switched,
    others: &[&Placement],
) -> Option<StepId> {
    let live = switched.live.clone()?;
    let role = &canary.role.name;
    // In groups of one the canary is the first group, and the second waits for its end.
    let size = group_size(draft, canary.role.hosts.len());
    if !others
        .iter()
        .any(|other| size > 1 || other.role.name != *role)
    {
        return None;
    }
    let verb = match canary.role.traefik {
        true => "serves",
        false => "runs",
    };
    let host = canary.host;
    let why = Reason::needed_by(format!(
        "no other container starts before {role} {verb} on {host}"
    ));
    let step = Step::new(None, StepKind::Barrier, ["barrier", "canary", "open"])
        .because(format!("Wait for the canary {}", canary.name), why)
        .needs([live])
        .opens_after(0);
    Some(draft.add(step))
}

fn group_gate(
    draft: &mut Draft,
    role: &str,
    number: usize,
    size: usize,
    ends: Vec<StepId>,
) -> StepId {
    let wait = draft.config.boot.wait;
    let then = match wait {
        0 => String::new(),
        wait => format!(", then {wait} s"),
    };
    let hosts = count(ends.len(), "host");
    let switching = match size {
        1 => "1 host switches".to_owned(),
        _ => format!("{size} hosts switch"),
    };
    let why = format!("at most {switching} at a time in role {role}");
    let subject = format!("{role}-group-{number}");
    let step = Step::new(None, StepKind::Barrier, ["barrier", &subject, "open"])
        .because(
            format!("Wait for {hosts} of {role} to switch{then}"),
            Reason::needed_by(why),
        )
        .needs(ends)
        .opens_after(wait);
    draft.add(step)
}

#[cfg(test)]
mod switch_tests;
