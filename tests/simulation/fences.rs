//! The fence of a run on a host, and what it shows behind it.

use mrsk::apply::state::Event;
use mrsk::name::{HostName, RunId};
use mrsk::record::Seen;

use super::world::World;

impl World {
    /// Writes the fence of a run of the plan that acts, if that may begin on the host, or go on there.
    pub(super) fn fence(&mut self, host: &HostName, run: &RunId, seen: &Seen) -> Event {
        let (at, mutant) = (self.at, self.mutant);
        let digest = self.course.plan.digest.clone();
        let sim = self.hosts.get_mut(host).expect("a host of the world");
        if let Some(serial) = sim.refuses(&digest, seen.serial) {
            return Event::FenceRefused(host.clone(), serial);
        }
        sim.entered.insert(digest.clone());
        sim.fence = Some(run.clone());
        if let Some(now) = sim.went_on(&digest, seen) {
            return Event::WentOn(host.clone(), now);
        }
        sim.enter(&digest);
        sim.of_mut(at).write_audit();
        let own = sim.listing(at, mutant);
        Event::Fenced(host.clone(), own, self.living(host))
    }
}
