//! Decides for each role on each host whether its container stays, is completed, or is replaced.

use std::collections::BTreeMap;

use super::slot::{self, Slot};
use super::step::step_id;
use crate::action::Run;
use crate::config::model::{Config, Role};
use crate::docker::container::{self, Create};
use crate::docker::names;
use crate::facts::model::{ContainerFacts, Facts, Health, HostFacts};
use crate::name::{HostName, StepId};
use crate::plan::{Reason, Step, StepKind};
use crate::text::list;
use crate::traefik;

/// A role on one of its hosts.
#[derive(Debug, Clone)]
pub(super) struct Placement<'a> {
    /// The role.
    pub role: &'a Role,
    /// The host.
    pub host: &'a HostName,
    /// Which of the role's containers on that host it is, from 0.
    pub index: u32,
    /// Name of the container that is wanted.
    pub name: String,
    /// Its alias in mrsk's network: that of the container that runs, or of the one to be started.
    pub alias: String,
    /// The command that creates it.
    pub create: Create,
    /// The labels that its routes are made from: the role's, or those of a container that exists.
    pub labels: &'a BTreeMap<String, String>,
    /// How it is found to be ready.
    pub readiness: Readiness,
    /// Port and path of its health check: the configuration's, or those of a container that exists.
    pub health: (u16, &'a str),
    /// Absolute path of its routing file; empty for a role without Traefik.
    pub routing_path: String,
    /// What is to be done.
    pub decision: Decision,
    /// Names of the other running containers of the role, the one that serves first.
    pub old: Vec<String>,
    /// If the container served before a plan that is undone: what it served by.
    pub returns: Option<Served>,
}

/// What a container served by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    /// Its name then, by which Traefik proves that its routing file is loaded.
    pub name: String,
    /// The text of its routing file; `None` for a role without Traefik, or if the text is not known.
    pub text: Option<String>,
}

/// How a container is found to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It answers a request with 200.
    Answers,
    /// Docker says that it is healthy.
    Healthy,
    /// It goes on running; the health check of its image, if it has one, passes.
    Runs,
}

/// What is to be done for a role on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing: the container runs, is healthy and alone.
    Keep,
    /// The right container runs, but something after its start is missing.
    Complete {
        /// What is missing, for people.
        missing: String,
        /// Whether its health and its route are to be seen to.
        route: bool,
    },
    /// A new container is to be started.
    Replace {
        /// Why.
        why: Reason,
        /// The name that the running container of the wanted name gets first.
        rename_to: Option<String>,
        /// Whether a stopped container of the wanted name is to be removed first.
        remove_first: bool,
    },
    /// A container that exists and does not run is to be started again.
    StartExisting {
        /// Why.
        why: Reason,
    },
}

/// What every placement is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The version.
    pub version: &'a str,
    /// Registry digest of its image, compared if it is known.
    pub image_digest: Option<&'a str>,
    /// Whether a container is replaced even if it does not differ.
    pub always: bool,
}

impl Placement<'_> {
    /// Makes the id of one of its steps.
    pub fn step_id(&self, subject: &str, verb: &str) -> StepId {
        step_id(Some(self.host), [self.role.name.as_str(), subject, verb])
    }

    /// Returns one of its steps.
    pub fn step(&self, kind: StepKind, subject: &str, verb: &str) -> Step {
        let role = &self.role.name;
        let mut step = Step::new(Some(self.host), kind, [role.as_str(), subject, verb]);
        step.role = Some(role.clone());
        step
    }

    /// Returns the names of the secrets of its environment.
    pub fn secrets(&self) -> Vec<String> {
        self.role.env_of(self.host).secret_names()
    }

    /// Returns whether some of these were not compared with those of a container: those that commands print never are.
    pub fn has_uncompared_secrets(&self, config: &Config, facts: &Facts) -> bool {
        let commands = &config.secrets_files.commands;
        let is_printed = |name: &String| commands.get(name).is_some_and(|texts| !texts.is_empty());
        let secrets = self.secrets();
        match facts.secrets_compared {
            true => self
                .role
                .env_of(self.host)
                .secret
                .iter()
                .any(|one| is_printed(&one.secret)),
            false => !secrets.is_empty(),
        }
    }

    /// Returns whether anything is to be done.
    pub fn changes(&self) -> bool {
        self.decision != Decision::Keep
    }

    /// Returns whether a new container is to be created and started.
    pub fn is_replaced(&self) -> bool {
        matches!(self.decision, Decision::Replace { .. })
    }

    /// Returns what undoes the start of its container; `None` if it runs already.
    pub fn undo_start(&self, stop_seconds: u32) -> Option<Run> {
        match self.decision {
            Decision::Keep | Decision::Complete { .. } => None,
            Decision::Replace { .. } => Some(container::remove(&self.name)),
            Decision::StartExisting { .. } => Some(container::stop(&self.name, stop_seconds)),
        }
    }

    /// Returns the command that shows the end of its log.
    pub fn logs(&self, config: &Config) -> Run {
        container::last_logs(&self.name, config.healthcheck_of(self.role).log_lines)
    }

    /// Returns why it changes.
    pub fn why(&self) -> Reason {
        match &self.decision {
            Decision::Replace { why, .. } | Decision::StartExisting { why } => why.clone(),
            Decision::Complete { missing, .. } => Reason::Incomplete {
                what: missing.clone(),
            },
            Decision::Keep => Reason::Requested,
        }
    }
}

impl Readiness {
    /// Returns how a new container of `role` is found to be ready.
    pub fn of(config: &Config, role: &Role) -> Self {
        let has_command = config.healthcheck_of(role).cmd.is_some();
        match (role.traefik, &role.healthcheck) {
            (true, _) if has_command => Self::Healthy,
            (true, _) => Self::Answers,
            (false, Some(_)) => Self::Healthy,
            (false, None) => Self::Runs,
        }
    }

    /// Returns how one that exists, and may have been started with other settings, is found to be ready.
    pub fn of_existing(config: &Config, role: &Role, container: &ContainerFacts) -> Self {
        match Self::of(config, role) {
            Self::Healthy if container.health == Health::None && role.traefik => Self::Answers,
            Self::Healthy if container.health == Health::None => Self::Runs,
            readiness => readiness,
        }
    }

    /// Returns whether `container`, which runs, is ready.
    pub fn is_reached(self, container: &ContainerFacts) -> bool {
        match self {
            Self::Answers => container.healthy,
            Self::Healthy => container.health == Health::Healthy,
            Self::Runs => matches!(container.health, Health::None | Health::Healthy),
        }
    }
}

impl<'a> Slot<'a> {
    /// Returns the slots of its role on its host.
    pub fn replicas(self) -> impl Iterator<Item = Slot<'a>> {
        let Slot { role, host, .. } = self;
        (0..role.replicas).map(move |index| Slot { role, host, index })
    }

    /// Returns `version`, with the index behind it except for the first container: what tells its
    /// containers apart by name.
    fn numbered(&self, version: &str) -> String {
        match self.index {
            0 => version.to_owned(),
            index => format!("{version}-{index}"),
        }
    }

    /// Returns whether `container`, which is one of its role, stands there, or beyond the last slot if this is the last.
    fn has(&self, container: &ContainerFacts) -> bool {
        index_of(container).min(self.role.replicas.saturating_sub(1)) == self.index
    }
}

/// Returns which of the containers of its role on its host a container is.
pub(super) fn index_of(container: &ContainerFacts) -> u32 {
    let label = container.labels.get(names::LABEL_REPLICA);
    label.and_then(|label| label.parse().ok()).unwrap_or(0)
}

/// Decides what is to be done for `slot`. Which container serves is read from the routing file.
pub(super) fn decide<'a>(
    config: &'a Config,
    slot: Slot<'a>,
    facts: &HostFacts,
    wanted: &Wanted,
) -> Placement<'a> {
    let Slot { role, host, index } = slot;
    let version = slot.numbered(wanted.version);
    let name = names::container(config, role, &version);
    let routing_path = routing_path(config, role, facts);
    let path = routing_path.clone();
    let serves = |container: &ContainerFacts| serves(facts, &path, container);
    let old = running_others(config, slot, facts, &name);
    let other_serves = old.first().is_some_and(|(_, container)| serves(container));
    let present = facts.containers.get(&name);
    let check = config.healthcheck_of(role);
    let mut placement = Placement {
        role,
        host,
        index,
        alias: names::alias(config, role, host, &version, facts.serial.number),
        routing_path,
        decision: Decision::Keep,
        old: old.iter().map(|(name, _)| (*name).clone()).collect(),
        create: slot::create(config, slot, &name, wanted.version, facts),
        labels: &role.labels,
        readiness: Readiness::of(config, role),
        health: (check.port, &check.path),
        name,
        returns: None,
    };
    let Some(container) = present.filter(|container| container.state.is_up()) else {
        let serving = present
            .filter(|container| serves(container))
            .or_else(|| old.first().map(|(_, container)| *container));
        placement.decision = start(slot, present, serving.map(version_of), wanted.version);
        return placement;
    };
    match difference(slot, container, &placement.create, facts, wanted) {
        Some(why) => {
            let renamed = free_name(&placement.name, facts);
            let at = usize::from(!serves(container) && other_serves);
            placement.old.insert(at, renamed.clone());
            placement.decision = Decision::Replace {
                why,
                rename_to: Some(renamed),
                remove_first: false,
            };
        }
        None => complete(&mut placement, container, (serves, other_serves)),
    }
    placement
}

/// Returns the running containers other than `name` that stand where `slot` is, the one that serves first. The last slot of a
/// role has those beyond it, too.
pub(super) fn running_others<'a>(
    config: &Config,
    slot: Slot,
    facts: &'a HostFacts,
    name: &str,
) -> Vec<(&'a String, &'a ContainerFacts)> {
    let role = slot.role;
    let path = routing_path(config, role, facts);
    let others = facts.containers.iter().filter(|(other, _)| *other != name);
    let mut others: Vec<(&String, &ContainerFacts)> = others
        .filter(|(_, c)| belongs(config, role, c) && c.state.is_up() && slot.has(c))
        .collect();
    others.sort_by_key(|(other, container)| (!serves(facts, &path, container), (*other).clone()));
    others
}

/// Returns whether the routing file at `path` names `container`.
pub(super) fn serves(facts: &HostFacts, path: &str, container: &ContainerFacts) -> bool {
    let file = facts.files.get(path);
    let alias = alias_of(container);
    file.is_some_and(|file| alias.is_some_and(|alias| file.aliases.contains(alias)))
}

/// Returns the path of the routing file of `role`; empty for a role without Traefik.
pub(super) fn routing_path(config: &Config, role: &Role, facts: &HostFacts) -> String {
    if !role.traefik {
        return String::new();
    }
    let destination = config.destination.as_deref();
    let file = traefik::file_name(&config.service, destination, role.name.as_str());
    format!("{}/{file}", facts.routing_directory)
}

/// Decides for a container that does not run: `present` is a stopped one of its name, `old` the
/// version that serves.
fn start(
    slot: Slot,
    present: Option<&ContainerFacts>,
    old: Option<String>,
    version: &str,
) -> Decision {
    let why = match old {
        None if slot.index > 0 => Reason::missing(format!(
            "container {} of {}",
            slot.index + 1,
            slot.role.replicas
        )),
        Some(old) if old == version => Reason::Incomplete {
            what: "its container is not running".into(),
        },
        old => Reason::VersionChanged {
            old,
            new: version.to_owned(),
        },
    };
    Decision::Replace {
        why,
        rename_to: None,
        remove_first: present.is_some_and(|c| {
            !c.labels.contains_key(names::LABEL_VERSION)
                || version_of(c) != version
                || index_of(c) != slot.index
                || slot.role.replicas > 1 && !c.labels.contains_key(names::LABEL_REPLICA)
        }),
    }
}

/// Decides what a container that is the wanted one still lacks.
pub(super) fn complete(
    placement: &mut Placement,
    container: &ContainerFacts,
    (serves, others_serve): (impl Fn(&ContainerFacts) -> bool, bool),
) {
    if let Some(alias) = alias_of(container) {
        placement.alias = alias.clone();
    }
    let healthy = placement.readiness.is_reached(container);
    let routed = !placement.role.traefik || serves(container) && !others_serve;
    let missing = match (healthy, routed, placement.old.is_empty()) {
        (true, true, true) => return,
        (false, _, _) => "it is not healthy",
        (_, false, _) => "no requests are routed to it",
        (_, _, false) => "an older container is still running",
    };
    placement.decision = Decision::Complete {
        missing: missing.to_owned(),
        route: !(healthy && routed),
    };
}

/// Returns how a running container of the wanted name differs from the wanted one.
fn difference(
    slot: Slot,
    container: &ContainerFacts,
    create: &Create,
    facts: &HostFacts,
    wanted: &Wanted,
) -> Option<Reason> {
    let changed = |what: &str, old, new| {
        let what = what.to_owned();
        Some(Reason::Changed { what, old, new })
    };
    let secrets = changed_secrets(container);
    let running = container.labels.get(names::LABEL_CREATE);
    if running.map(String::as_str) != Some(create.digest.as_str()) {
        let recorded = container.labels.get(names::LABEL_SETTINGS);
        let mut parts = recorded.map_or_else(Vec::new, |text| create.changed_settings(text));
        parts.extend(secrets);
        let what = match parts.is_empty() {
            true => "the configuration of its container".to_owned(),
            false => format!("the configuration of its container ({})", parts.join(", ")),
        };
        return changed(&what, None, None);
    }
    if let Some(digest) = wanted.image_digest {
        let image = facts
            .images
            .values()
            .find(|image| image.id == container.image_id);
        let digests = image.map(|image| &image.digests);
        if !digests.is_some_and(|known| known.contains(digest)) {
            let old = digests.and_then(|known| known.first().cloned());
            return changed("its image", old, Some(digest.to_owned()));
        }
    }
    if let Some(secrets) = secrets {
        return changed(&format!("the value of {secrets}"), None, None);
    }
    if slot.role.traefik && alias_of(container).is_none() {
        return Some(Reason::Incomplete {
            what: format!("its container is not in network {}", names::NETWORK),
        });
    }
    wanted.always.then_some(Reason::Requested)
}

/// Returns `secret A` or `secrets A and B`: those whose value in `container` is not the local.
pub(super) fn changed_secrets(container: &ContainerFacts) -> Option<String> {
    let names = Vec::from_iter(&container.secrets_differ);
    match names.as_slice() {
        [] => None,
        [name] => Some(format!("secret {name}")),
        names => Some(format!("secrets {}", list(names))),
    }
}

/// Returns the name that the running container `name` gets when another takes its place.
fn free_name(name: &str, facts: &HostFacts) -> String {
    let renamed = format!("{name}_replaced_{}", facts.serial.number);
    let mut free = renamed.clone();
    let mut number = 1;
    while facts.containers.contains_key(&free) {
        number += 1;
        free = format!("{renamed}_{number}");
    }
    free
}

/// Returns whether `container` is one of `role` in this service and destination.
pub(super) fn belongs(config: &Config, role: &Role, container: &ContainerFacts) -> bool {
    of_service(config, container)
        && container.labels.get("role").map(String::as_str) == Some(role.name.as_str())
}

/// Returns whether `container` is one of this service and destination.
pub(super) fn of_service(config: &Config, container: &ContainerFacts) -> bool {
    // Kamal 1.5 to 1.9 write an empty label if there is no destination.
    let destination = container.labels.get("destination");
    let destination = destination.filter(|name| !name.is_empty());
    container.labels.get("service") == Some(&config.service)
        && destination == config.destination.as_ref()
}

/// Returns the alias that mrsk gave a container.
pub(super) fn alias_of(container: &ContainerFacts) -> Option<&String> {
    let network = container.networks.get(names::NETWORK)?;
    network.aliases.iter().find(|alias| names::is_alias(alias))
}

/// Returns the version that a container runs: from its label, else (as the original started it)
/// from its image's tag.
pub(super) fn version_of(container: &ContainerFacts) -> String {
    let tag = || container.image.rsplit_once(':').map(|(_, tag)| tag);
    let label = container.labels.get(names::LABEL_VERSION);
    let version = label.map(String::as_str).or_else(tag);
    version.unwrap_or(&container.image).to_owned()
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
