//! What a host says counts for itself alone: what it says of others gives it up, and changes nothing else.

use super::event::Action;
use super::model::State;
use super::progress::{GoneReason, Phase, Progress};
use super::step::HostIndex;
use crate::name::{HostName, StepId};
use crate::record::Attempt;

/// Why a refusal stands when the lock host is given up.
pub(super) const NOBODY_TELLS: &str = "and the lock host is unreachable";

impl State {
    /// Returns whether a step is one of `host`. A host that names another is given up.
    pub(super) fn is_own(&mut self, host: &HostName, id: &StepId) -> bool {
        let step = self.shape.index(id);
        let owner = step.map(|step| self.plan[step].host.as_ref());
        let what = match owner {
            Some(Some(owner)) if owner == host => return true,
            Some(Some(owner)) => format!("it named {id}, a step of {owner}"),
            Some(None) => format!("it named {id}, a step of the machine that applies the plan"),
            None => format!("it named {id}, no step of this plan"),
        };
        self.violate(host, &what);
        false
    }

    /// Returns whether a host lists attempts at its own steps only, or at local steps: it may have been the lock host of an earlier
    /// run. One that lists others is given up.
    pub(super) fn checks_list(&mut self, host: &HostName, attempts: &[Attempt]) -> bool {
        let of_other = attempts.iter().find_map(|attempt| {
            let Some(step) = self.shape.index_of_hash(&attempt.step) else {
                return Some("it listed an attempt at no step of this plan".to_owned());
            };
            let step = &self.plan[step];
            let other = step.host.as_ref().filter(|owner| *owner != host)?;
            Some(format!(
                "it listed an attempt at {}, a step of {other}",
                step.id
            ))
        });
        match of_other {
            None => true,
            Some(what) => {
                self.violate(host, &what);
                false
            }
        }
    }

    /// Gives a host up that does not keep to the protocol. Nothing of what it said is acted on.
    pub(super) fn violate(&mut self, host: &HostName, what: &str) {
        let known = self.host(host);
        if let Some(index) = known.filter(|index| !self.hosts[*index].is_gone()) {
            self.act(Action::Drop(host.clone()));
            let message = format!("protocol violation: {what}");
            self.give_up(index, GoneReason::Failed, message);
        }
    }

    /// A host says that its fence names another run. Whether one has taken over, the lock tells: until then nothing starts. Its own
    /// word stops no other host.
    pub(super) fn doubt_fence(&mut self, host: HostIndex) {
        if self.hosts[host].is_gone() || matches!(self.phase, Phase::Releasing | Phase::Exited) {
            return;
        }
        self.refusing.insert(host);
        if !std::mem::replace(&mut self.lock.suspended, true) {
            self.report(Progress::Suspended);
        }
        match self.hosts[self.lock_host].is_gone() {
            true => self.give_up_refusing(NOBODY_TELLS),
            false => self.confirm_anew(),
        }
    }

    /// Whether another run has taken over is known, or nobody can tell any more: these hosts are of no use to this one.
    pub(super) fn give_up_refusing(&mut self, why: &str) {
        while let Some(host) = self.refusing.pop_first() {
            if !self.hosts[host].is_gone() {
                let name = self.hosts[host].name.clone();
                self.act(Action::Drop(name));
                let message = format!("its fence names another run, {why}");
                self.give_up(host, GoneReason::Failed, message);
            }
        }
    }
}
