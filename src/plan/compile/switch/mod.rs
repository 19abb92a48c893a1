//! Replaces containers: the canary first, then in groups.

use std::collections::BTreeMap;

pub mod drain;
mod health;
mod route;
mod sequence;
mod start;

use self::sequence::{Switched, switch};
use crate::config::model::Limit;
use crate::name::{HostName, StepId};
use crate::plan::compile::{Draft, HostView, Placement};
use crate::plan::{Reason, Step, StepKind};
use crate::text::count;

/// Adds the switch of every placement that does not run what is wanted.
pub fn run(draft: &mut Draft) {
    let placements = draft.placements.clone();
    let (mut pending, kept): (Vec<_>, Vec<_>) =
        placements.into_iter().partition(Placement::changes);
    for placement in kept {
        let unchecked = unchecked(draft, &placement);
        let reason = format!("{} is running and healthy{unchecked}", placement.name);
        draft.unchanged(Some(placement.host), placement.role.name.as_str(), reason);
    }
    let Some(canary) = take_canary(&mut pending) else {
        return;
    };
    let hosts = draft.hosts.iter().map(|host| (host.name(), *host));
    let hosts: BTreeMap<&HostName, HostView> = hosts.collect();
    let switched = switch(draft, &hosts, &canary, None);
    let gate = canary_gate(draft, &canary, &switched, &pending);
    for role in &draft.config.roles {
        let is_canary = role.name == canary.role.name;
        let others = pending
            .iter()
            .filter(|placement| placement.role.name == role.name);
        let members: Vec<&Placement> = is_canary
            .then_some(&canary)
            .into_iter()
            .chain(others)
            .collect();
        let size = group_size(draft, role.hosts.len());
        let mut before = gate.clone();
        for (number, group) in members.chunks(size).enumerate() {
            let mut ends = Vec::new();
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
                    ends,
                ));
            }
        }
    }
}

/// Says what could not be found out about a container that counts as unchanged.
fn unchecked(draft: &Draft, placement: &Placement) -> &'static str {
    match draft.facts.secrets_compared || placement.role.env.secret.is_empty() {
        true => "",
        false => "; its secrets were not compared",
    }
}

/// Takes out the placement that goes first: of the first Traefik role that changes, else the first.
fn take_canary<'a>(pending: &mut Vec<Placement<'a>>) -> Option<Placement<'a>> {
    let of_traefik = pending.iter().position(|placement| placement.role.traefik);
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
    others: &[Placement],
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
