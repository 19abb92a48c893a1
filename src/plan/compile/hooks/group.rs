//! Hooks before and after what is done to a group of hosts: `pre-app-boot`, `post-app-boot`, and those of Traefik.

use super::step::{Call, step};
use crate::name::{HostName, StepId};
use crate::plan::compile::Draft;
use crate::plan::hook::Hook;
use crate::plan::{Need, NeedOn, Reason, Step, StepKind};

/// A group of hosts whose containers are replaced together.
pub struct Group<'g> {
    /// What tells it from others; empty if there is one.
    pub name: String,
    /// Its hosts.
    pub hosts: Vec<&'g HostName>,
}

impl Group<'_> {
    /// Adds the hook that goes before it, once its hosts have the image, and `after` what precedes the group. Returns what the group waits for.
    pub fn open(&self, draft: &mut Draft, hook: Hook, after: Option<StepId>) -> Option<StepId> {
        let why = Reason::needed_by("nothing of the group changes unless the hook succeeds");
        let Some(step) = self.step(draft, hook, why) else {
            return after;
        };
        let image = [StepKind::InstallDocker, StepKind::Pull];
        let prepared = self
            .hosts
            .iter()
            .flat_map(|host| draft.find_each(host, &image));
        let step = step.needs(prepared.collect::<Vec<_>>()).needs(after);
        Some(draft.add(step))
    }

    /// Adds the hook that follows it, after `ends`. Returns the ends of the group.
    pub fn close(&self, draft: &mut Draft, hook: Hook, ends: Vec<StepId>) -> Vec<StepId> {
        if ends.is_empty() {
            return ends;
        }
        let Some(step) = self.step(draft, hook, Reason::Requested) else {
            return ends;
        };
        let step = step.needs(ends);
        vec![draft.add(step)]
    }

    fn step(&self, draft: &mut Draft, hook: Hook, why: Reason) -> Option<Step> {
        let call = Call {
            hook,
            group: &self.name,
            hosts: self.hosts.clone(),
            why,
        };
        step(draft, call)
    }
}

/// Lets the steps from position `from` on that need nothing of these wait for `gate`.
pub fn gate_from(draft: &mut Draft, from: usize, gate: &StepId) {
    let own: Vec<StepId> = draft.steps[from..]
        .iter()
        .map(|step| step.id.clone())
        .collect();
    for step in &mut draft.steps[from..] {
        let mut needs = step.needs.iter();
        if step.id != *gate && !needs.any(|need| need.step == *gate || own.contains(&need.step)) {
            step.needs.push(Need {
                step: gate.clone(),
                on: NeedOn::Success,
            });
        }
    }
}
