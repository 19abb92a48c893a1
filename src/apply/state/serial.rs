//! What the serials of the hosts say of other plans.

use serde_json::Value;

use super::model::State;
use super::progress::Outcome;
use crate::name::PlanDigest;
use crate::plan::{OperationKind, Undo};

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
                self.hosts[*index].serial = *seen;
            }
        }
        None
    }
}
