//! What answers requests now, by role: told after a run that did not end well.

use std::collections::{BTreeMap, BTreeSet};

use super::View;
use super::tally::Tally;
use super::words::host_list;
use crate::apply::state::{StepStatus, StepSummary, Summary};
use crate::name::{HostName, RoleName};
use crate::plan::kinds::SwitchPart;
use crate::plan::{Reason, Step};
use crate::text::one_line;

/// Returns lines as `web  2 on app1`, hosts of which the same is true together; hosts that the plan does not change
/// are left out.
pub(super) fn lines(view: &View, tally: &Tally, summary: &Summary) -> Vec<String> {
    let mut placements: BTreeMap<(&RoleName, &HostName), Vec<Stand>> = BTreeMap::new();
    let mut under_way: BTreeSet<&HostName> = BTreeSet::new();
    let mut steps = Vec::with_capacity(summary.steps.len());
    for line in &summary.steps {
        let Some(step) = view.step(&line.step) else {
            continue;
        };
        steps.push((step, &line.status));
        let Some(host) = &step.host else { continue };
        if is_under_way(line) {
            under_way.insert(host);
        }
        if let Some(role) = &step.role {
            let placement = placements.entry((role, host)).or_default();
            placement.push((step, &line.status));
        }
    }
    let mut said: BTreeMap<(String, String), Vec<&HostName>> = BTreeMap::new();
    for ((role, host), steps) in placements {
        let mut text = placement(view, tally, &steps, under_way.contains(host));
        if tally.gone.contains_key(host) {
            text = format!("cannot be reached; when last seen: {text}");
        }
        said.entry((one_line(role.as_str()), text))
            .or_default()
            .push(host);
    }
    for (step, status) in steps {
        if let (SwitchPart::Traefik, Some(host), Some(text)) = (
            step.kind.switch_part(),
            &step.host,
            traefik(tally, step, status),
        ) {
            said.entry(("traefik".into(), text.into()))
                .or_default()
                .push(host);
        }
    }
    let width = said.keys().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    said.iter()
        .map(|((name, text), hosts)| format!("{name:<width$}  {text} {}", host_list(hosts)))
        .collect()
}

/// A step, and where it stands.
type Stand<'a> = (&'a Step, &'a StepStatus);

/// Returns whether the run left while the step was at work.
pub(super) fn is_under_way(line: &StepSummary) -> bool {
    line.status == StepStatus::Open && line.attempt > 0
}

/// Returns what serves for one role on one host, to be followed by the host. `moving`: something was left at work there,
/// and what follows it in its session begins by itself.
fn placement(view: &View, tally: &Tally, steps: &[Stand], moving: bool) -> String {
    let of = |part: SwitchPart| {
        // The last of its kind: before it, what serves now may get a routing file of its own.
        steps
            .iter()
            .rfind(|(step, _)| step.kind.switch_part() == part)
            .map(|(step, status)| (*step, *status))
    };
    let new = one_line(&view.plan.version);
    // What sends requests to the new container, or else is the last that must succeed before the old one may go.
    let switch = of(SwitchPart::Route)
        .or(of(SwitchPart::Health))
        .or(of(SwitchPart::Start));
    let Some((switch, status)) = switch else {
        return format!("{new}, as before, on");
    };
    let old = old(steps);
    let routed = switch.kind.switch_part() == SwitchPart::Route;
    let returned = steps
        .iter()
        .filter(|(step, _)| {
            step.kind.switch_part() == SwitchPart::Drain && !step.cleanup.is_empty()
        })
        .find(|(_, status)| matches!(status, StepStatus::Failed { .. }));
    if returned.is_some() {
        return format!("{old}, again, since {new} failed after the switch, on");
    }
    match status {
        StepStatus::Succeeded | StepStatus::AlreadyDone | StepStatus::Tolerated { .. } => {
            match old_remains(steps) {
                Some(stopping) if !routed => format!("{new}, and beside it still {stopping}, on"),
                Some(stopping) => format!("{new} ({stopping} still runs, without requests), on"),
                None => format!("{new} on"),
            }
        }
        StepStatus::Failed { .. } if routed && is_undone(tally, switch) => {
            format!("{old}, as before: the switch was taken back, on")
        }
        StepStatus::Failed { .. } | StepStatus::InDoubt | StepStatus::Lost if routed => {
            format!("either {new} or {old}: the switch was begun, and not confirmed, on")
        }
        StepStatus::Open if moving => {
            format!("{old}, unless the switch to {new} is under way, on")
        }
        StepStatus::Failed { .. }
        | StepStatus::InDoubt
        | StepStatus::Lost
        | StepStatus::Skipped { .. }
        | StepStatus::Open => format!("{old}, as before, on"),
    }
}

/// Returns whether what a failed step had done was undone.
fn is_undone(tally: &Tally, step: &Step) -> bool {
    let said = tally.diagnoses.get(&step.id);
    !step.cleanup.is_empty() && !said.is_some_and(|said| said.contains("cleanup failed"))
}

/// Returns what served before.
fn old(steps: &[Stand]) -> String {
    let version = steps.iter().find_map(|(step, _)| match &step.why {
        Reason::VersionChanged { old, .. } => old.clone(),
        _ => None,
    });
    match version.or_else(|| replaced(steps).next()) {
        Some(old) => one_line(&old),
        None => "nothing".into(),
    }
}

/// Returns the old containers that are to be stopped.
fn replaced<'a>(steps: &'a [Stand<'a>]) -> impl Iterator<Item = String> + 'a {
    steps.iter().filter_map(|(step, _)| match &step.why {
        Reason::Replaced { what } if step.kind.switch_part() == SwitchPart::Stop => {
            Some(what.clone())
        }
        _ => None,
    })
}

/// Returns an old container that was not stopped.
fn old_remains(steps: &[Stand]) -> Option<String> {
    let left: Vec<Stand> = steps
        .iter()
        .filter(|(_, status)| !matches!(status, StepStatus::Succeeded | StepStatus::AlreadyDone))
        .copied()
        .collect();
    replaced(&left).next().map(|what| one_line(&what))
}

/// Returns what a Traefik that was not brought up means, to be followed by the host.
fn traefik(tally: &Tally, step: &Step, status: &StepStatus) -> Option<&'static str> {
    let has_failed = match status {
        StepStatus::Failed { .. } => true,
        StepStatus::InDoubt | StepStatus::Lost => false,
        _ => return None,
    };
    // What starts a Traefik in the place of another starts that one again when it fails.
    match step.why {
        _ if has_failed && is_undone(tally, step) => {
            Some("is not replaced: the one before was started again on")
        }
        Reason::Missing { .. } => Some("does not run yet, so that nothing is served, on"),
        Reason::NeededBy { .. } => None,
        _ => Some("was being replaced: requests may be refused on"),
    }
}
