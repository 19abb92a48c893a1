//! Replaces containers: the canary first, then in groups.

use std::collections::BTreeMap;

mod drain;
mod health;
mod route;
mod sequence;
mod start;
mod trial;

use self::sequence::{Switched, switch};
use crate::config::model::Limit;
use crate::name::{HostName, StepId};
use crate::plan::compile::draft::{Draft, HostView};
use crate::plan::compile::placement::Placement;
use crate::plan::compile::step::{StepBuilder, step_id};
use crate::plan::kinds::StepKind;
use crate::plan::model::{Barrier, Reason};
use crate::text::count;

/// Adds the switch of every placement that does not run what is wanted.
pub fn run(draft: &mut Draft) {
    let mut pending: Vec<Placement> = Vec::new();
    for placement in draft.placements.clone() {
        if !placement.changes() {
            let reason = format!(
                "{} is running and healthy{}",
                placement.name,
                unchecked(draft, &placement)
            );
            draft.unchanged(Some(placement.host), placement.role.name.as_str(), reason);
        } else {
            pending.push(placement);
        }
    }
    let Some(canary) = take_canary(&mut pending) else {
        return;
    };
    let hosts: BTreeMap<&HostName, HostView> = draft
        .hosts
        .iter()
        .map(|host| (host.name(), *host))
        .collect();
    let switched = switch(draft, &hosts, &canary, None);
    let gate = canary_gate(draft, &canary, &switched, &pending);
    for role in &draft.config.roles {
        let mut members: Vec<&Placement> = pending
            .iter()
            .filter(|placement| placement.role.name == role.name)
            .collect();
        let is_canary = role.name == canary.role.name;
        if is_canary {
            members.insert(0, &canary);
        }
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
    if draft.facts.secrets_compared || placement.role.env.secret.is_empty() {
        ""
    } else {
        "; its secrets were not compared"
    }
}

/// Takes out the placement that goes first: of the first Traefik role that changes, else the first.
fn take_canary<'a>(pending: &mut Vec<Placement<'a>>) -> Option<Placement<'a>> {
    if pending.is_empty() {
        return None;
    }
    let index = pending
        .iter()
        .position(|placement| placement.role.traefik)
        .unwrap_or(0);
    Some(pending.remove(index))
}

fn group_size(draft: &Draft, hosts: usize) -> usize {
    match draft.config.boot.limit {
        None => usize::MAX,
        Some(Limit::Hosts(hosts)) => hosts as usize,
        Some(Limit::Percent(percent)) => hosts * percent as usize / 100,
    }
    .max(1)
}

/// Adds the barrier that others wait for until the canary serves: where it does not do so already, and somebody waits.
fn canary_gate(
    draft: &mut Draft,
    canary: &Placement,
    switched: &Switched,
    others: &[Placement],
) -> Option<StepId> {
    let live = switched.live.clone()?;
    let size = group_size(draft, canary.role.hosts.len());
    // In groups of one the canary is the first group, and the second waits for its end.
    if !others
        .iter()
        .any(|other| size > 1 || other.role.name != canary.role.name)
    {
        return None;
    }
    let verb = if canary.role.traefik {
        "serves"
    } else {
        "runs"
    };
    let why = Reason::NeededBy {
        what: format!(
            "no other container starts before {} {verb} on {}",
            canary.role.name, canary.host
        ),
    };
    let summary = format!("Wait for the canary {}", canary.name);
    Some(barrier(draft, "canary", summary, vec![live], 0, why))
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
    let summary = format!(
        "Wait for {} of {role} to switch{then}",
        count(ends.len(), "host")
    );
    let why = Reason::NeededBy {
        what: format!("at most {} of {role} switch at a time", count(size, "host")),
    };
    let subject = format!("{role}-group-{number}");
    barrier(draft, &subject, summary, ends, wait, why)
}

fn barrier(
    draft: &mut Draft,
    subject: &str,
    summary: String,
    needs: Vec<StepId>,
    wait_seconds: u32,
    why: Reason,
) -> StepId {
    let step = StepBuilder::new(
        step_id(None, "barrier", subject, "open"),
        StepKind::Barrier,
        None,
        summary,
        why,
    )
    .needs(needs)
    .opens(Barrier {
        at_most_failed: 0,
        wait_seconds,
    })
    .build();
    draft.add(step)
}
