//! Replaces containers: the canary first, then in groups.

use std::collections::BTreeMap;

mod beside;
pub mod drain;
pub(super) mod health;
pub mod route;
mod sequence;
mod start;

use self::sequence::{Switched, switch};
use crate::config::model::{Config, Limit, Role};
use crate::facts::model::Health;
use crate::name::{HostName, RoleName, StepId};
use crate::plan::compile::assets;
use crate::plan::compile::hooks::group::Group;
use crate::plan::compile::{Draft, HostView, Placement, emergency};
use crate::plan::hook::Hook;
use crate::plan::{Reason, Step, StepKind};
use crate::text::count;

/// Adds the switch of every placement that does not run what is wanted.
pub fn run(draft: &mut Draft) {
    run_after(draft, None);
}

/// As [`run`]; every switch waits for `before`.
pub fn run_after(draft: &mut Draft, before: Option<StepId>) {
    let placements = draft.placements.clone();
    let (mut pending, kept): (Vec<&Placement>, Vec<_>) =
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
    let before = assets::run(draft, &pending, before);
    let mut pending = by_place(&pending);
    let Some(canary) = take_canary(draft, &mut pending) else {
        return;
    };
    let hosts = draft.hosts.iter().map(|host| (host.name(), *host));
    let hosts: BTreeMap<&HostName, HostView> = hosts.collect();
    if emergency::is_all_at_once(draft) {
        let all: Vec<Member> = [canary].into_iter().chain(pending).collect();
        let group = group_of(String::new(), &all);
        let gate = group.open(draft, Hook::PreAppBoot, before);
        let mut ends = Vec::new();
        for member in &all {
            ends.extend(switch(draft, &hosts, &member.replicas, gate.clone()).last);
        }
        group.close(draft, Hook::PostAppBoot, ends);
        return;
    }
    let members = |role: &Role| -> Vec<Member> {
        let all = [&canary].into_iter().chain(&pending);
        all.filter(|member| member.role.name == role.name)
            .cloned()
            .collect()
    };
    let first = Groups::of(draft, canary.role, &members(canary.role)).group(0);
    let opened = first.open(draft, Hook::PreAppBoot, before);
    let switched = switch(draft, &hosts, &canary.replicas, opened.clone());
    let mut stage = canary_gate(draft, &canary, &switched, &pending).or(opened);
    for (at, role) in roles.iter().enumerate() {
        let begun = (role.name == canary.role.name).then_some(&switched);
        let groups = members(role);
        let groups = Groups::of(draft, role, &groups);
        let ends = switch_role(draft, &hosts, &groups, stage.clone(), begun);
        let is_ordered = draft.config.boot.role_order.contains(&role.name);
        let later = roles.iter().skip(at + 1).find(|later| {
            let mut others = pending.iter();
            others.any(|member| member.role.name == later.name)
        });
        if let Some(later) = later.filter(|_| is_ordered && !ends.is_empty()) {
            let may_fail = may_fail(draft, begun, &ends);
            stage = Some(role_gate(draft, (&role.name, &later.name), may_fail, ends));
        }
    }
}

/// A role on a host, with those of its placements there that change.
#[derive(Clone)]
struct Member<'p, 'a> {
    role: &'a Role,
    host: &'a HostName,
    replicas: Vec<&'p Placement<'a>>,
}

/// Puts those of `placements` together that follow each other and are of one role on one host.
fn by_place<'p, 'a>(placements: &[&'p Placement<'a>]) -> Vec<Member<'p, 'a>> {
    let place = |placement: &Placement<'a>| (&placement.role.name, placement.host);
    let groups = placements.chunk_by(|one, other| place(one) == place(other));
    let member = |replicas: &[&'p Placement<'a>]| {
        let first = replicas.first()?;
        Some(Member {
            role: first.role,
            host: first.host,
            replicas: replicas.to_vec(),
        })
    };
    groups.filter_map(member).collect()
}

/// The groups in which a role switches.
struct Groups<'g, 'p, 'a> {
    role: &'g Role,
    members: &'g [Member<'p, 'a>],
    size: usize,
}

impl<'g, 'p, 'a> Groups<'g, 'p, 'a> {
    fn of(draft: &Draft, role: &'g Role, members: &'g [Member<'p, 'a>]) -> Self {
        Self {
            role,
            members,
            size: group_size(draft, role.hosts.len()),
        }
    }

    /// Returns the group of this number for its hooks.
    fn group(&self, number: usize) -> Group<'a> {
        let role = &self.role.name;
        let name = match self.members.len() > self.size {
            true => format!("{role}-group-{}", number + 1),
            false => role.to_string(),
        };
        let members = self.members.chunks(self.size).nth(number);
        group_of(name, members.unwrap_or_default())
    }
}

fn group_of<'a>(name: String, members: &[Member<'_, 'a>]) -> Group<'a> {
    let hosts = members.iter().map(|member| member.host).collect();
    Group { name, hosts }
}

/// Adds the switches of a role group by group, the first after `stage`, or after the canary if that has `begun` it. Returns the ends of
/// the last group.
fn switch_role(
    draft: &mut Draft,
    hosts: &BTreeMap<&HostName, HostView>,
    groups: &Groups,
    stage: Option<StepId>,
    begun: Option<&Switched>,
) -> Vec<StepId> {
    let mut before = stage;
    let mut ends = Vec::new();
    for (number, members) in groups.members.chunks(groups.size).enumerate() {
        let group = groups.group(number);
        let begun = begun.filter(|_| number == 0);
        // The hook of the canary's group has run before the canary.
        if begun.is_none() {
            before = group.open(draft, Hook::PreAppBoot, before);
        }
        ends = Vec::new();
        for (at, member) in members.iter().enumerate() {
            ends.extend(match begun.filter(|_| at == 0) {
                Some(canary) => canary.last.clone(),
                None => switch(draft, hosts, &member.replicas, before.clone()).last,
            });
        }
        let switched = ends.len();
        ends = group.close(draft, Hook::PostAppBoot, ends);
        if number.saturating_add(1).saturating_mul(groups.size) < groups.members.len() {
            let may_fail = may_fail(draft, begun, &ends);
            let done = Done {
                number: number + 1,
                switched,
                may_fail,
                ends: ends.clone(),
            };
            before = Some(group_gate(draft, groups, done));
        }
    }
    ends
}

/// Returns how many of the `ends` of a group may fail before others follow it: not all if it has `begun` with the canary, behind whose
/// failure nothing goes.
fn may_fail(draft: &Draft, begun: Option<&Switched>, ends: &[StepId]) -> u32 {
    let most = draft.config.boot.max_failures;
    let others = u32::try_from(ends.len().saturating_sub(1)).unwrap_or(u32::MAX);
    match begun {
        Some(_) => most.min(others),
        None => most,
    }
}

/// A group of hosts that others wait for.
struct Done {
    number: usize,
    switched: usize,
    may_fail: u32,
    ends: Vec<StepId>,
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
fn role_gate(
    draft: &mut Draft,
    (role, later): (&RoleName, &RoleName),
    may_fail: u32,
    ends: Vec<StepId>,
) -> StepId {
    let why = format!("role {later} follows role {role}");
    let subject = format!("{role}-switched");
    let step = Step::new(None, StepKind::Barrier, ["barrier", &subject, "open"])
        .because(
            format!("Wait for role {role} to switch"),
            Reason::needed_by(why),
        )
        .needs(ends)
        .opens_after_most(may_fail, 0);
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
    match (
        placement.has_uncompared_secrets(draft.config, draft.facts),
        draft.facts.secrets_compared,
    ) {
        (false, _) => "",
        (true, false) => "; its secrets were not compared",
        (true, true) => "; its secrets that commands print were not compared",
    }
}

/// Takes out what goes first: of the first role that changes if roles have an order, else of the first Traefik role
/// that changes, else the first.
fn take_canary<'p, 'a>(draft: &Draft, pending: &mut Vec<Member<'p, 'a>>) -> Option<Member<'p, 'a>> {
    let has_order = !draft.config.boot.role_order.is_empty();
    let of_traefik = pending
        .iter()
        .position(|member| member.role.traefik || has_order);
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
    canary: &Member,
    switched: &Switched,
    others: &[Member],
) -> Option<StepId> {
    let live = switched.live.clone()?;
    let name = &canary.replicas.first()?.name;
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
        .because(format!("Wait for the canary {name}"), why)
        .needs([live])
        .opens_after(0);
    Some(draft.add(step))
}

/// Adds the barrier behind a group of which so many hosts have `switched`.
fn group_gate(draft: &mut Draft, groups: &Groups, done: Done) -> StepId {
    let (role, size) = (groups.role.name.as_str(), groups.size);
    let Done {
        number,
        switched,
        may_fail,
        ends,
    } = done;
    let wait = draft.config.boot.wait;
    let then = match wait {
        0 => String::new(),
        wait => format!(", then {wait} s"),
    };
    let hosts = count(switched, "host");
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
        .opens_after_most(may_fail, wait);
    draft.add(step)
}

#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod replicas_tests;
#[cfg(test)]
mod switch_tests;
