//! What the serials of the hosts say of other plans.

use serde_json::Value;

use super::model::{Ask, Host, State};
use super::progress::Outcome;
use crate::name::{HostName, PlanDigest};
use crate::plan::{OperationKind, Undo};
use crate::record::{Seen, Unfinished};

impl State {
    /// Looks for a host on which another plan has begun, and notes whether this one has.
    ///
    /// An undo follows the plan that it undoes; on a host where that never began, what it followed itself.
    pub(super) fn check_serials(&mut self) -> Option<Outcome> {
        let undone = match &self.plan.operation.kind {
            OperationKind::Undo(Undo { plan, .. }) => Some(plan.as_str()),
            _ => None,
        };
        for (host, facts) in &self.evidence.facts {
            let planned = self.plan.hosts.get(host).map_or(0, |host| host.serial);
            let before = undone.map_or(planned, |_| planned.saturating_sub(1));
            let number = facts.pointer("/serial/number").and_then(Value::as_u64);
            let number = number.unwrap_or(0);
            let plan = facts.pointer("/serial/plan").and_then(Value::as_str);
            let is_ours = plan == Some(self.plan.digest.as_str());
            let has_begun = |seen: &u64| is_ours && number == seen.saturating_add(1);
            let stands = |seen: &u64| {
                number == *seen && (undone.is_none() || (plan == undone) == (*seen == planned))
            };
            let seen = [planned, before];
            let begun = seen.iter().find(|seen| has_begun(seen));
            // A run of it was here, though no step that the host knows of has begun.
            let was_here = facts.get("unfinished").and_then(Value::as_array);
            let was_here = was_here.is_some_and(|plans| {
                let mut plans = plans.iter();
                plans.any(|plan| plan.as_str() == Some(self.plan.digest.as_str()))
            });
            self.evidence.begun |= begun.is_some() || was_here;
            let Some(seen) = begun.or_else(|| seen.iter().find(|seen| stands(seen))) else {
                let plan = plan.map(PlanDigest::from);
                return Some(Outcome::Superseded(host.clone(), plan));
            };
            if let Some(index) = self.host_index.get(host) {
                self.hosts[*index].seen = Seen {
                    serial: *seen,
                    unfinished: (*seen == before)
                        .then(|| self.plan.hosts.get(host)?.unfinished.clone())
                        .flatten(),
                };
            }
        }
        None
    }

    /// Looks for a host on which the plan before this one went on since this one was made. While this one has not begun there, it must be as
    /// far as it was.
    pub(super) fn check_unfinished(&self) -> Option<Outcome> {
        let hosts = self.hosts.iter();
        let mut relying = hosts.filter_map(|host| {
            let then = host.seen.unfinished.as_ref()?;
            let facts = self.evidence.facts.get(&host.name)?;
            let number = facts.pointer("/serial/number").and_then(Value::as_u64);
            Some((host, then, facts.pointer(Unfinished::FACT)))
                .filter(|_| number == Some(host.seen.serial))
        });
        relying.find_map(|(host, then, now)| {
            let then = serde_json::to_value(then).unwrap_or(Value::Null);
            (now != Some(&then)).then(|| went_on(host, &then, now))
        })
    }

    /// The plan before this one went on between the look at its host and the fence.
    pub(super) fn on_went_on(&mut self, name: &HostName, now: &Unfinished) {
        let known = self.host(name);
        if let Some(index) = known.filter(|index| self.answered(*index, Ask::Fence)) {
            let host = &self.hosts[index];
            let then = serde_json::to_value(&host.seen.unfinished).unwrap_or(Value::Null);
            let now = serde_json::to_value(now).unwrap_or(Value::Null);
            let outcome = went_on(host, &then, Some(&now));
            self.conclude(outcome);
        }
    }
}

fn went_on(host: &Host, then: &Value, now: Option<&Value>) -> Outcome {
    Outcome::Stale {
        host: host.name.clone(),
        fact: Unfinished::FACT.to_owned(),
        then: then.to_string(),
        now: now.map_or_else(|| "absent".to_owned(), Value::to_string),
    }
}
