//! What serves requests now, by role: shown after a run that did not succeed.

use std::collections::{BTreeMap, BTreeSet};

use super::tally::{Tally, is_left_running};
use super::view::View;
use crate::apply::state::{GoneReason, StepStatus, Summary};
use crate::name::{HostName, RoleName};
use crate::plan::kinds::{StepKind, SwitchPart};
use crate::plan::{Reason, Step};
use crate::text::{list_up_to, one_line};

/// Returns lines as `web  2 on app1`; hosts with the same text share a line, and hosts that the plan does not change are left
/// out.
pub(super) fn lines(view: &View, tally: &Tally, summary: &Summary) -> Vec<String> {
    let mut placements: BTreeMap<(&RoleName, &HostName), Placement> = BTreeMap::new();
    let mut left_running: BTreeSet<&HostName> = BTreeSet::new();
    let mut texts: BTreeMap<(String, String), Vec<&HostName>> = BTreeMap::new();
    for line in &summary.steps {
        let Some(step) = view.step(&line.step) else {
            continue;
        };
        let Some(host) = &step.host else { continue };
        if is_left_running(line) {
            left_running.insert(host);
        }
        // What runs once, before any container starts, may be on a host that has no container of the role.
        let is_beside = step.kind == StepKind::Release;
        if let Some(role) = step.role.as_ref().filter(|_| !is_beside) {
            let placement = placements.entry((role, host)).or_insert(Placement {
                view,
                tally,
                steps: Vec::new(),
                is_left_running: false,
            });
            placement.steps.push((step, &line.status));
        }
        if let (SwitchPart::Traefik, Some(text)) =
            (step.kind.switch_part(), traefik(tally, step, &line.status))
        {
            texts
                .entry(("traefik".into(), text.into()))
                .or_default()
                .push(host);
        }
    }
    for ((role, host), mut placement) in placements {
        placement.is_left_running = left_running.contains(host);
        let mut text = placement.serves();
        if let Some((reason, _)) = tally.gone.get(host) {
            let gone = match reason {
                GoneReason::Unreachable => "unreachable",
                GoneReason::Failed => "its host failed",
            };
            text = format!("{gone}, last seen: {text}");
        }
        texts
            .entry((one_line(role.as_str()), text))
            .or_default()
            .push(host);
    }
    let width = texts.keys().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    texts
        .iter()
        .map(|((name, text), hosts)| format!("{name:<width$}  {text} on {}", list_up_to(8, hosts)))
        .collect()
}

/// What a user has to do who wants back what served before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WayBack {
    /// Nothing: no host has switched, nor may switch by itself.
    NotNeeded,
    /// To deploy this version.
    Version(String),
    /// To deploy what served before: it has no version of its own, or there are several.
    Earlier,
    /// Nothing served before.
    None,
}

/// Returns the way back to what served before the run.
pub(super) fn way_back(view: &View, summary: &Summary) -> WayBack {
    let mut has_switched = false;
    let mut earlier: BTreeSet<Option<&str>> = BTreeSet::new();
    for line in &summary.steps {
        let Some(step) = view.step(&line.step) else {
            continue;
        };
        let is_untouched = match &line.status {
            StepStatus::Skipped { .. } | StepStatus::Stopped => true,
            StepStatus::Open => line.attempt == 0,
            _ => false,
        };
        let part = step.kind.switch_part();
        has_switched |= !is_untouched
            && matches!(
                part,
                SwitchPart::Route | SwitchPart::Unroute | SwitchPart::Stop
            );
        match &step.why {
            Reason::VersionChanged { old, .. } => earlier.extend(old.as_deref().map(Some)),
            Reason::Replaced { .. } if earlier.is_empty() => {
                earlier.insert(None);
            }
            _ => {}
        }
    }
    let versions: Vec<&str> = earlier.iter().copied().flatten().collect();
    match versions[..] {
        _ if !has_switched => WayBack::NotNeeded,
        [version] => WayBack::Version(version.to_owned()),
        [] if earlier.is_empty() => WayBack::None,
        _ => WayBack::Earlier,
    }
}

/// The steps of one role on one host.
struct Placement<'a> {
    view: &'a View,
    tally: &'a Tally,
    steps: Vec<(&'a Step, &'a StepStatus)>,
    /// Whether a step was left running on the host, whose successors in its session start by themselves.
    is_left_running: bool,
}

impl<'a> Placement<'a> {
    /// Returns the last step that plays a part: before it, what serves now may get a routing file of its own.
    fn last(&self, part: SwitchPart) -> Option<(&'a Step, &'a StepStatus)> {
        let found = self
            .steps
            .iter()
            .rfind(|(step, _)| step.kind.switch_part() == part);
        found.copied()
    }

    /// Returns the steps that send requests to new containers, or without routes those that see that they are ready.
    fn switches(&self) -> Vec<(&'a Step, &'a StepStatus)> {
        let of = |part| {
            let steps = self.steps.iter().copied();
            steps.filter(move |(step, _)| step.kind.switch_part() == part)
        };
        let ready: Vec<_> = of(SwitchPart::Health).collect();
        let is_new = |step: &Step| {
            ready
                .iter()
                .any(|(other, _)| subject(other) == subject(step))
        };
        let routes: Vec<_> = of(SwitchPart::Route)
            .filter(|(step, _)| is_new(step))
            .collect();
        match routes.is_empty() {
            true => ready,
            false => routes,
        }
    }

    /// Returns what serves, to be followed by ` on HOST`.
    fn serves(&self) -> String {
        let version = self.view.plan.version.as_deref();
        let new = one_line(version.unwrap_or("the container that ran last"));
        // What sends requests to the new container, or else is the last that must succeed before the old one may go.
        let switch = self
            .last(SwitchPart::Route)
            .or_else(|| self.last(SwitchPart::Health))
            .or_else(|| self.last(SwitchPart::Start));
        let Some(mut switch) = switch else {
            return self.stopped(&new);
        };
        let old = self.old();
        // The containers of a role on a host switch one after the other.
        let switches = self.switches();
        if let [first, _, ..] = switches.as_slice() {
            let done = switches
                .iter()
                .filter(|(_, status)| is_done(status))
                .count();
            if done > 0 && done < switches.len() {
                let all = switches.len();
                return format!("{new} in {done} of {all} containers, {old} in the others,");
            }
            if done == 0 {
                switch = *first;
            }
        }
        let (switch, status) = switch;
        let is_routed = switch.kind.switch_part() == SwitchPart::Route;
        let is_switched_back = self.steps.iter().any(|(step, status)| {
            step.kind.switch_part() == SwitchPart::Drain
                && !step.cleanup.is_empty()
                && matches!(status, StepStatus::Failed { .. })
        });
        if is_switched_back {
            return format!("{old} (switched back: {new} failed after the switch)");
        }
        let restarted = self.steps.iter().find(|(step, status)| {
            step.kind.switch_part() == SwitchPart::Stop
                && matches!(status, StepStatus::Failed { .. })
                && is_undone(self.tally, step)
        });
        if let Some(name) = restarted.and_then(|(step, _)| replaced(step)) {
            let name = one_line(&name);
            return format!("{old} ({name} was restarted: it had been told to take no more work)");
        }
        match status {
            StepStatus::Succeeded | StepStatus::AlreadyDone | StepStatus::Tolerated { .. } => {
                match self.not_stopped() {
                    Some(stopping) if !is_routed => format!("{new}, and still {stopping},"),
                    Some(stopping) => format!("{new} ({stopping} still runs without requests)"),
                    None => new,
                }
            }
            StepStatus::Failed { .. } if is_routed && is_undone(self.tally, switch) => {
                format!("{old} (unchanged: the switch was undone)")
            }
            StepStatus::Failed { .. } | StepStatus::InDoubt | StepStatus::Lost if is_routed => {
                format!("{new} or {old} (the switch is not confirmed)")
            }
            StepStatus::Open if self.is_left_running => {
                format!("{old}, or {new} if a running switch completes,")
            }
            StepStatus::Failed { .. }
            | StepStatus::InDoubt
            | StepStatus::Lost
            | StepStatus::Stopped
            | StepStatus::Skipped { .. }
            | StepStatus::Open => format!("{old} (unchanged)"),
        }
    }

    /// Returns what serves if nothing is started, by what was stopped.
    fn stopped(&self, new: &str) -> String {
        let is_done = |(_, status): (&Step, &StepStatus)| {
            matches!(status, StepStatus::Succeeded | StepStatus::AlreadyDone)
        };
        let unrouted = self.last(SwitchPart::Unroute).map(is_done);
        match self.last(SwitchPart::Stop).map(is_done) {
            None if unrouted.is_none() => format!("{new} (unchanged)"),
            Some(true) => "nothing (stopped)".into(),
            _ if unrouted == Some(true) => "nothing (no routes, and a container still runs)".into(),
            _ => "what served before (unchanged)".into(),
        }
    }

    /// Returns what served before.
    fn old(&self) -> String {
        let version = self.steps.iter().find_map(|(step, _)| match &step.why {
            Reason::VersionChanged { old, .. } => old.clone(),
            _ => None,
        });
        let replaced = || self.steps.iter().find_map(|(step, _)| replaced(step));
        match version.or_else(replaced) {
            Some(old) => one_line(&old),
            None => "nothing".into(),
        }
    }

    /// Returns an old container that was not stopped.
    fn not_stopped(&self) -> Option<String> {
        self.steps
            .iter()
            .filter(|(_, status)| {
                !matches!(status, StepStatus::Succeeded | StepStatus::AlreadyDone)
            })
            .find_map(|(step, _)| replaced(step))
            .map(|name| one_line(&name))
    }
}

/// Returns whether a step has had its effect, or need not have had it.
fn is_done(status: &StepStatus) -> bool {
    matches!(
        status,
        StepStatus::Succeeded | StepStatus::AlreadyDone | StepStatus::Tolerated { .. }
    )
}

/// Returns the id of a step without its verb: what it is about.
fn subject(step: &Step) -> Option<&str> {
    Some(step.id.as_str().rsplit_once('/')?.0)
}

/// Returns the old container that a step stops.
fn replaced(step: &Step) -> Option<String> {
    match &step.why {
        Reason::Replaced { what } if step.kind.switch_part() == SwitchPart::Stop => {
            Some(what.clone())
        }
        _ => None,
    }
}

/// Returns whether the cleanup of a failed step undid it.
fn is_undone(tally: &Tally, step: &Step) -> bool {
    let output = tally.diagnoses.get(&step.id);
    !step.cleanup.is_empty() && !output.is_some_and(|output| output.contains("cleanup failed"))
}

/// Returns what it means that Traefik was not started, to be followed by ` on HOST`.
fn traefik(tally: &Tally, step: &Step, status: &StepStatus) -> Option<&'static str> {
    let has_failed = match status {
        StepStatus::Failed { .. } => true,
        StepStatus::InDoubt | StepStatus::Lost => false,
        _ => return None,
    };
    // What starts a Traefik in the place of another starts that one again when it fails.
    match step.why {
        _ if has_failed && is_undone(tally, step) => {
            Some("not replaced: the old one was restarted")
        }
        Reason::Missing { .. } => Some("not running: nothing is served"),
        Reason::NeededBy { .. } => None,
        _ => Some("being replaced: requests may be refused"),
    }
}

#[cfg(test)]
#[path = "serving_tests.rs"]
mod tests;
