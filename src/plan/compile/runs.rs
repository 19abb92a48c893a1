//! The runs that have routed requests to versions, as the hosts' `routed` tells: what a rollback goes to.

use std::collections::{BTreeMap, BTreeSet};

use super::slot::Slot;
use crate::facts::model::{Facts, HostFacts};
use crate::facts::routed::RoutedFacts;
use crate::name::{HostName, PlanDigest};

/// The runs that have routed requests of the selected roles, the oldest first.
pub(super) struct Runs<'a> {
    runs: Vec<Run<'a>>,
    /// The version that was routed last, for each role on each host that was ever routed.
    last: BTreeMap<Place<'a>, &'a str>,
}

/// A role on a host.
type Place<'a> = (&'a HostName, &'a str);

/// All that one plan has routed.
pub(super) struct Run<'a> {
    /// The version.
    pub version: &'a str,
    /// The plan's operation; empty if it is not known.
    operation: &'a str,
    /// Who applied it; empty if that is not known.
    pub by: &'a str,
    /// When requests were sent last to what it started, in seconds since 1970.
    pub ended: u64,
    plan: Option<&'a PlanDigest>,
    places: BTreeSet<Place<'a>>,
    /// The versions that it took the requests from.
    left: BTreeSet<&'a str>,
    /// Whether every host that it has routed on has finished its plan.
    is_finished: bool,
    /// Whether every role that was routed anywhere served its version afterwards.
    is_everywhere: bool,
}

/// What a rollback without a version is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Earlier<'a> {
    /// A rollback to this version, or an undo that brought it back, was the last thing that happened.
    RolledBack {
        /// The version.
        version: &'a str,
        /// Which of both.
        operation: &'a str,
        /// What is to be said, if that rollback came to its end.
        note: Option<(u64, &'a str)>,
    },
    /// The version of the last run that finished before the current one began.
    Version(&'a str),
    /// No run is known that finished before.
    Unknown,
}

impl Run<'_> {
    /// Whether it went back, away from a version that somebody did not want.
    fn goes_back(&self) -> bool {
        matches!(self.operation, "rollback" | "undo")
    }
}

impl<'a> Runs<'a> {
    /// Reads the runs from what the hosts of `slots` say.
    pub fn of(facts: &'a Facts, slots: &[Slot<'a>]) -> Self {
        let mut routes: Vec<(Place, &RoutedFacts, &HostFacts)> = Vec::new();
        for slot in slots.iter().filter(|slot| slot.role.traefik) {
            let Some(host) = facts.hosts.get(slot.host) else {
                continue;
            };
            let role = slot.role.name.as_str();
            let of_role = host.routed.iter().filter(|route| route.role == role);
            routes.extend(of_role.map(|route| ((slot.host, role), route, host)));
        }
        // Stable: the routes of one time stay in the order of their host.
        routes.sort_by_key(|(_, route, _)| route.at);
        let mut runs = Self {
            runs: Vec::new(),
            last: BTreeMap::new(),
        };
        for (place, route, host) in routes {
            runs.add(place, route, host);
        }
        runs.look_everywhere();
        runs
    }

    fn add(&mut self, place: Place<'a>, route: &'a RoutedFacts, host: &'a HostFacts) {
        let plan = route.plan.as_ref();
        let is_of = |run: &Run| match plan {
            Some(_) => run.plan == plan,
            None => false,
        };
        let continues = |run: &Run| {
            plan.is_none() && run.plan.is_none() && run.version == route.version.as_str()
        };
        let found = self.runs.iter().position(is_of);
        let last = self.runs.len().checked_sub(1);
        let found = found.or_else(|| last.filter(|at| continues(&self.runs[*at])));
        let at = found.unwrap_or_else(|| {
            self.runs.push(Run {
                version: &route.version,
                operation: &route.operation,
                by: &route.by,
                ended: 0,
                plan,
                places: BTreeSet::new(),
                left: BTreeSet::new(),
                is_finished: true,
                is_everywhere: false,
            });
            self.runs.len() - 1
        });
        let run = &mut self.runs[at];
        run.ended = run.ended.max(route.at);
        run.places.insert(place);
        run.is_finished &= plan.is_none_or(|plan| host.finished.contains(plan));
        let before = self.last.insert(place, &route.version);
        run.left
            .extend(before.filter(|version| *version != run.version));
    }

    /// Finds out for each run whether its version served everywhere afterwards.
    fn look_everywhere(&mut self) {
        let mut standing: BTreeMap<Place, &str> = BTreeMap::new();
        for run in &mut self.runs {
            standing.extend(run.places.iter().map(|place| (*place, run.version)));
            run.is_everywhere = standing.values().all(|version| *version == run.version);
        }
    }

    /// Returns the version that a rollback goes to that names none.
    pub fn earlier(&self) -> Earlier<'a> {
        let Some(current) = self.runs.last() else {
            return Earlier::Unknown;
        };
        // What restarted the version does not hide how it came there.
        let of_current = self.runs.iter().rev();
        let of_current = of_current.take_while(|run| run.version == current.version);
        let before = self.runs.len() - of_current.clone().count();
        if let Some(back) = of_current.clone().find(|run| run.goes_back()) {
            let is_done = current.is_finished && current.is_everywhere;
            return Earlier::RolledBack {
                version: current.version,
                operation: back.operation,
                note: is_done.then_some((back.ended, back.by)),
            };
        }
        let unwanted = self.unwanted();
        let runs = self.runs[..before].iter().rev();
        let mut wanted = runs
            .filter(|run| run.is_finished && run.is_everywhere && !unwanted.contains(run.version));
        wanted
            .next()
            .map_or(Earlier::Unknown, |run| Earlier::Version(run.version))
    }

    /// Returns the versions that somebody went back from, and that nobody has brought back since.
    fn unwanted(&self) -> BTreeSet<&'a str> {
        let mut unwanted = BTreeSet::new();
        for run in &self.runs {
            if run.is_finished {
                unwanted.remove(run.version);
            }
            if run.goes_back() {
                unwanted.extend(&run.left);
            }
        }
        unwanted
    }

    /// Returns every version that was routed.
    pub fn versions(&self) -> BTreeSet<&'a str> {
        self.runs.iter().map(|run| run.version).collect()
    }

    /// Returns the registry digest that was routed last as `version`.
    pub fn digest(facts: &'a Facts, slots: &[Slot<'a>], version: &str) -> Option<&'a str> {
        let hosts = slots.iter().filter_map(|slot| facts.hosts.get(slot.host));
        let routes = hosts.flat_map(|host| &host.routed);
        let of_version = routes.filter(|route| route.version == version);
        let with_digest = of_version.filter_map(|route| Some((route.at, route.digest.as_deref()?)));
        with_digest.max().map(|(_, digest)| digest)
    }
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
