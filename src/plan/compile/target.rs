//! Finds the version that an operation is about, if it was not named: what the hosts have decides.

use std::collections::{BTreeMap, BTreeSet};

use super::Result;
use super::placement::{Slot, belongs, routing_path, serves, version_of};
use super::selection::Selection;
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::facts::model::{ContainerFacts, Facts, HostFacts};
use crate::name::HostName;
use crate::plan::operation::{AppOperation, Operation, OperationKind};
use crate::text::{duration, list, shorten};

/// Returns the operation with the version that it is about, and what a reviewer should know of how it was found.
///
/// # Errors
/// No version is meant by what the hosts have, or a host does not have the one that was named.
pub(super) fn resolve(
    config: &Config,
    facts: &Facts,
    operation: &Operation,
    selection: &Selection,
) -> Result<(Operation, Option<String>)> {
    let slots = selection.roles.iter();
    let histories: Vec<History> = slots
        .filter_map(|slot| History::of(config, *slot, facts.hosts.get(slot.host)?))
        .collect();
    let mut operation = operation.clone();
    let mut note = None;
    match &mut operation.kind {
        OperationKind::Rollback(version) => {
            if version.is_none() {
                let (found, said) = earlier(&histories, facts.taken_at)?;
                (*version, note) = (Some(found), said);
            }
            if let Some(version) = version {
                check_available(&histories, version)?;
            }
        }
        OperationKind::App(AppOperation::Boot(version)) if version.is_none() => {
            *version = Some(running(&histories)?);
        }
        _ => {}
    }
    Ok((operation, note))
}

/// What a host knows of a role.
struct History<'a> {
    host: &'a HostName,
    /// The container that serves, else one that runs, else the one that ran last.
    current: Option<Past>,
    /// The others that ran.
    others: Vec<Past>,
    /// The versions whose image is there.
    images: BTreeSet<String>,
}

/// A container of a version.
#[derive(Debug, Clone)]
struct Past {
    version: String,
    is_up: bool,
    created_at: u64,
    stopped_at: u64,
}

impl<'a> History<'a> {
    fn of(config: &Config, slot: Slot<'a>, facts: &HostFacts) -> Option<Self> {
        let path = routing_path(config, slot.role, facts);
        let has_run =
            |container: &ContainerFacts| container.state.is_up() || container.stopped_at > 0;
        let containers = facts.containers.values();
        let mut found: Vec<&ContainerFacts> = containers
            .filter(|container| belongs(config, slot.role, container) && has_run(container))
            .collect();
        found.sort_by_key(|container| {
            let ran = std::cmp::Reverse((container.stopped_at, container.created_at));
            (
                !serves(facts, &path, container),
                !container.state.is_up(),
                ran,
            )
        });
        let mut found = found.into_iter().map(|container| Past {
            version: version_of(container),
            is_up: container.state.is_up(),
            created_at: container.created_at,
            stopped_at: container.stopped_at,
        });
        let tags = format!("{}:", config.repository());
        let tags = facts
            .images
            .keys()
            .filter_map(|name| name.strip_prefix(&tags));
        Some(Self {
            host: slot.host,
            current: found.next(),
            others: found.collect(),
            images: tags
                .filter(|tag| *tag != "latest")
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Returns every version that could run here again.
    fn versions(&self) -> BTreeSet<&str> {
        let containers = self.current.iter().chain(&self.others);
        let containers = containers.map(|past| past.version.as_str());
        containers
            .chain(self.images.iter().map(String::as_str))
            .collect()
    }

    /// Returns when `version` last ran here before what is current now began; the far future if it is current.
    fn ran(&self, version: &str) -> Option<u64> {
        let current = self.current.as_ref()?;
        if current.version == version {
            return Some(u64::MAX);
        }
        let mut earlier: Vec<u64> = self
            .others
            .iter()
            .filter(|past| past.version == version && past.created_at < current.created_at)
            .map(|past| past.stopped_at)
            .collect();
        earlier.sort_unstable();
        earlier.pop()
    }

    /// Returns the container that was rolled back from: it is newer than the current one, and stopped.
    fn rolled_back_from(&self) -> Option<&Past> {
        let current = self.current.as_ref()?;
        self.others.iter().find(|past| {
            !past.is_up && past.version != current.version && past.created_at > current.created_at
        })
    }
}

/// Returns the version that ran on all hosts before the current one, and what is to be said of it.
fn earlier(histories: &[History], now: u64) -> Result<(String, Option<String>)> {
    let current: BTreeSet<&str> = histories
        .iter()
        .filter_map(|history| Some(history.current.as_ref()?.version.as_str()))
        .collect();
    let from = histories.iter().find_map(History::rolled_back_from);
    if let (Some(from), 1, Some(version)) = (from, current.len(), current.first()) {
        let ago = duration(now.saturating_sub(from.stopped_at).saturating_mul(1000));
        let note = format!(
            "already rolled back: {} stopped {ago} ago; `mrsk rollback VERSION` goes to another",
            shorten(&from.version)
        );
        return Ok(((*version).to_owned(), Some(note)));
    }
    let versions: BTreeSet<&str> = histories.iter().flat_map(History::versions).collect();
    let candidates = versions.into_iter().filter_map(|version| {
        let ran = histories.iter().map(|history| history.ran(version));
        let ran: Option<Vec<u64>> = ran.collect();
        let since = ran?.into_iter().min()?;
        (since != u64::MAX).then_some((since, version))
    });
    match candidates.max() {
        Some((_, version)) => Ok((version.to_owned(), None)),
        None => Err(vec![
            Diagnostic::error("no earlier version has run on all selected hosts")
                .help(which_version(histories, "name a version")),
        ]),
    }
}

/// Returns the one version that runs.
fn running(histories: &[History]) -> Result<String> {
    let up = histories
        .iter()
        .filter_map(|history| history.current.as_ref());
    let up: BTreeSet<&str> = up
        .filter(|past| past.is_up)
        .map(|past| past.version.as_str())
        .collect();
    let problem = match Vec::from_iter(up).as_slice() {
        [version] => return Ok((*version).to_owned()),
        [] => "no version is running".to_owned(),
        versions => format!("several versions are running: {}", list(versions)),
    };
    Err(vec![Diagnostic::error(problem).help(which_version(
        histories,
        "name one with `--version`",
    ))])
}

/// Returns what to do about a version that cannot be found: `how`, with those that the hosts have; where there are none, a deploy.
fn which_version(histories: &[History], how: &str) -> String {
    match histories
        .iter()
        .all(|history| history.versions().is_empty())
    {
        true => "the selected hosts have no version of the app; deploy one first".to_owned(),
        false => format!("{how}: {}", inventory(histories)),
    }
}

/// Fails if a host has neither a container nor the image of `version`.
fn check_available(histories: &[History], version: &str) -> Result<()> {
    let lacking: BTreeSet<&str> = histories
        .iter()
        .filter(|history| !history.versions().contains(version))
        .map(|history| history.host.as_str())
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let hosts = Vec::from_iter(lacking);
    let message = format!(
        "version {version} is not on {}: neither a container nor an image of it",
        list(&hosts)
    );
    Err(vec![Diagnostic::error(message).help(format!(
        "roll back to a version that the hosts have, or run `mrsk deploy --skip-push --version \
         {version}`: {}",
        inventory(histories)
    ))])
}

/// Returns what each host has: `a has 1 and 2; b has 2`.
fn inventory(histories: &[History]) -> String {
    let mut hosts: BTreeMap<&HostName, BTreeSet<&str>> = BTreeMap::new();
    for history in histories {
        hosts
            .entry(history.host)
            .or_default()
            .extend(history.versions());
    }
    let parts =
        hosts.into_iter().map(
            |(host, versions)| match Vec::from_iter(versions).as_slice() {
                [] => format!("{host} has none"),
                versions => format!("{host} has {}", list(versions)),
            },
        );
    Vec::from_iter(parts).join("; ")
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
