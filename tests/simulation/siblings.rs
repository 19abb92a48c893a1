//! Runs of a plan that was made while this one was half applied: they get the lock and write their fences, and are gone before a step begins.
//! They supersede nothing, unless a power cut may have taken claims of theirs.

use mrsk::name::{HostName, PlanDigest, RunId};
use mrsk::record::LockAnswer;

use super::host::SimHost;
use super::world::{Mutant, World};

/// What the ids of their runs begin with.
pub const SIBLING: &str = "sibling";

/// Returns the digest of their plan.
pub fn digest() -> PlanDigest {
    PlanDigest::from_digits(&"5".repeat(64))
}

impl SimHost {
    /// Whether a run of the sibling was the last here.
    pub fn is_siblings(&self) -> bool {
        self.facts.serial.plan == Some(digest())
    }

    /// Whether it counts all the same: since the host has started anew, nobody knows whether it has begun a step.
    pub fn sibling_counts(&self) -> bool {
        self.is_siblings() && self.sibling_boot != self.boot
    }
}

impl World {
    /// A run of the sibling gets the lock, if nobody has it, and enters hosts.
    pub(super) fn sibling(&mut self) {
        let lock_host = self.course.plan.lock_host.clone();
        let names: Vec<HostName> = self.hosts.keys().cloned().collect();
        let is_ready = |host: &HostName| {
            let sim = &self.hosts[host];
            sim.up && sim.strangers.is_empty() && !self.is_full(host)
        };
        if self.is_over() || !names.iter().all(is_ready) {
            return;
        }
        let run = RunId::from(format!("{SIBLING}{}", self.next_stranger));
        self.next_stranger += 1;
        let now = self.now;
        let Some(sim) = self.hosts.get_mut(&lock_host) else {
            return;
        };
        if !matches!(sim.take_lock(&run, now), LockAnswer::Acquired { .. }) {
            return;
        }
        // Some die between two fences.
        let count = self.rng.range(1, names.len() as u64) as usize;
        for host in &names[..count] {
            if let Some(sim) = self.hosts.get_mut(host) {
                sim.enter(&digest());
                sim.sibling_boot = sim.boot;
                sim.fence = Some(run.clone());
            }
        }
        let dies = self.rng.chance(300);
        if let (false, Some(sim)) = (dies, self.hosts.get_mut(&lock_host)) {
            sim.release(&run);
        }
        self.note(format!(
            "a sibling enters {count} hosts and {}",
            if dies { "dies" } else { "ends" }
        ));
    }

    /// Whether a run of this plan is superseded with reason.
    pub(super) fn is_superseded(&self) -> bool {
        self.mutant != Mutant::SiblingsCount && self.hosts.values().any(SimHost::sibling_counts)
    }
}
