//! What is known of the hosts.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{HostName, PlanDigest};
use crate::plan::compile::Answered;
use crate::transport::answer::LockState;

/// What is known of the selected hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The service, with its destination.
    pub service: String,
    /// The options that select the configuration, as they were given.
    pub options: String,
    /// The lock.
    pub lock: Lock,
    /// The hosts, in the order of the configuration.
    pub hosts: Vec<(HostName, HostStatus)>,
    /// Plans that were begun and have a copy on this machine, with its path.
    pub copies: BTreeMap<PlanDigest, String>,
    /// Now, in seconds since 1970.
    pub now: u64,
}

/// The deploy lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// Nobody holds it.
    Free,
    /// Somebody holds it.
    Held(LockState),
    /// Its host does not answer.
    Unknown(HostName),
}

/// What is known of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostStatus {
    /// It does not answer, or its engine does not.
    Silent,
    /// It answers.
    Known(Known),
}

/// What a host answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The roles that it has.
    pub roles: Vec<RoleStatus>,
    /// The accessories that it has.
    pub accessories: Vec<(String, Service)>,
    /// Traefik; nothing on a host without roles that need it.
    pub traefik: Option<Service>,
    /// Free bytes on the disk; 0: unknown.
    pub free_bytes: u64,
    /// Plans that were begun, and not finished.
    pub runs: Vec<Run>,
}

/// A container that serves a whole host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// It runs, with this image.
    Runs(String),
    /// It does not run.
    Stopped,
    /// There is none.
    Missing,
}

/// The version that ran last where none runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// The version.
    pub version: String,
    /// When it stopped, in seconds since 1970 by the host's clock.
    pub stopped_at: u64,
}

/// A role on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleStatus {
    /// Its name.
    pub name: String,
    /// The version that serves; absent if no container runs.
    pub version: Option<String>,
    /// What ran last, if no container runs.
    pub last: Option<LastRun>,
    /// Since when the version serves, in seconds since 1970; if no route tells, when its container was created.
    pub since: u64,
    /// The operation that brought it, and who did: `rollback by Ada`. Empty if no route tells.
    pub brought: String,
    /// What is known of its health: `healthy`.
    pub health: &'static str,
    /// Whether requests are routed to it; absent for a role without Traefik.
    pub routed: Option<bool>,
    /// How many containers serve the version, and how many the role has there.
    pub replicas: (u32, u32),
    /// Versions of other containers of the role that run.
    pub others: Vec<String>,
    /// What is answered with 503 in its place.
    pub answered: Vec<Answered>,
}

/// A plan that was begun, and not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The plan.
    pub plan: PlanDigest,
    /// Whether no other plan has begun since.
    pub is_last: bool,
    /// Steps that run now.
    pub running: usize,
    /// Steps that were begun, and of which nobody can tell how they ended.
    pub in_doubt: usize,
}

impl Status {
    /// Returns the hosts that answered.
    pub fn known(&self) -> impl Iterator<Item = (&HostName, &Known)> {
        self.hosts.iter().filter_map(|(host, status)| match status {
            HostStatus::Known(known) => Some((host, known)),
            HostStatus::Silent => None,
        })
    }

    /// Returns the versions that serve each role, each version with its hosts.
    pub fn versions(&self) -> BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> {
        let mut versions: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
        for (host, known) in self.known() {
            for role in &known.roles {
                if let Some(version) = &role.version {
                    let of_role = versions.entry(&role.name).or_default();
                    of_role.entry(version).or_default().insert(host.as_str());
                }
            }
        }
        versions
    }

    /// Returns the version that serves on more hosts of the role than any other.
    pub fn usual_version(&self, role: &str) -> Option<&str> {
        let versions = self.versions().remove(role)?;
        let most = versions.values().map(BTreeSet::len).max()?;
        let mut usual = versions.iter().filter(|(_, hosts)| hosts.len() == most);
        match (usual.next(), usual.next()) {
            (Some((version, _)), None) => Some(version),
            _ => None,
        }
    }
}

impl Service {
    /// Returns whether it does not run.
    pub fn is_down(&self) -> bool {
        !matches!(self, Self::Runs(_))
    }
}

impl RoleStatus {
    /// Returns whether it serves as it should.
    pub fn is_well(&self) -> bool {
        self.version.is_some()
            && self.routed != Some(false)
            && self.replicas.0 >= self.replicas.1
            && matches!(self.health, "healthy" | "running")
    }
}
