//! Finds the version that an operation is about, if it was not named: what the hosts have decides.

use std::collections::{BTreeMap, BTreeSet};

use super::Result;
use super::placement::{belongs, index_of, routing_path, serves, version_of};
use super::runs::{Earlier, Runs};
use super::selection::Selection;
use super::slot::Slot;
use crate::config::model::Config;
use crate::diagnostic::Diagnostic;
use crate::facts::model::{ContainerFacts, Facts, HostFacts};
use crate::name::HostName;
use crate::plan::operation::{AppOperation, Environment, Operation, OperationKind, Rollback};
use crate::text::{duration, list, one_line, shorten};

/// How many digits of a commit name it.
const COMMIT_DIGITS: usize = 7;

/// What an operation is about.
pub(super) struct Target<'a> {
    /// The operation, with its version.
    pub operation: Operation,
    /// What a reviewer should know of how the version was found.
    pub note: Option<String>,
    /// Registry digest of the image that a rollback pulls where it is missing; `None` if it is missing nowhere.
    pub pulled: Option<&'a str>,
}

/// Returns the image that the rollback would pull, by its registry digest, and the digest; `None` if it is missing nowhere, or is not known.
pub fn missing_image(
    config: &Config,
    facts: &Facts,
    operation: &Operation,
) -> Option<(String, String)> {
    let selection = super::selection::select(config, operation).ok()?;
    let target = resolve(config, facts, operation, &selection).ok()?;
    let digest = target.pulled?.to_owned();
    Some((format!("{}@{digest}", config.repository()), digest))
}

/// Returns the operation with the version that it is about.
///
/// # Errors
/// No version is meant by what the hosts have, or a host does not have the one that was named.
pub(super) fn resolve<'a>(
    config: &'a Config,
    facts: &'a Facts,
    operation: &Operation,
    selection: &Selection<'a>,
) -> Result<Target<'a>> {
    let slots = selection.roles.iter();
    let histories: Vec<History> = slots
        .filter_map(|slot| History::of(config, *slot, facts.hosts.get(slot.host)?))
        .collect();
    let mut operation = operation.clone();
    let mut note = None;
    let mut pulled = None;
    match &mut operation.kind {
        OperationKind::Rollback(Rollback {
            version,
            environment,
        }) => {
            if version.is_none() {
                let runs = Runs::of(facts, &selection.roles);
                let (found, said) = earlier(&histories, &runs, facts.taken_at)?;
                (*version, note) = (Some(found), said);
            }
            if let Some(version) = version {
                *version = whole(&histories, version)?;
                let digest = Runs::digest(facts, &selection.roles, version);
                let image = Image {
                    repository: config.repository(),
                    version,
                    digest,
                };
                pulled = pulled_image(&histories, facts, &image, *environment)?;
            }
        }
        OperationKind::App(AppOperation::Boot(version)) => {
            *version = Some(match version.as_deref() {
                None => running(&histories, facts.taken_at)?,
                Some(named) => whole(&histories, named)?,
            });
        }
        OperationKind::App(AppOperation::RemoveContainer(version)) => {
            *version = whole(&histories, version)?;
        }
        _ => {}
    }
    Ok(Target {
        operation,
        note,
        pulled,
    })
}

/// What a host knows of a role.
struct History<'a> {
    host: &'a HostName,
    /// How many containers the role has there.
    replicas: u32,
    /// The container that serves, else one that runs, else the one that ran last.
    current: Option<Past>,
    /// The others that ran.
    others: Vec<Past>,
    /// The versions whose image is there.
    images: BTreeSet<String>,
    /// When each version was routed last, in seconds since 1970.
    routed: BTreeMap<&'a str, u64>,
}

/// The image of a version.
struct Image<'a, 'v> {
    repository: String,
    version: &'v str,
    /// The registry digest that was routed last as the version, if it is known.
    digest: Option<&'a str>,
}

/// A container of a version.
#[derive(Debug, Clone)]
struct Past {
    version: String,
    index: u32,
    is_up: bool,
    created_at: u64,
    stopped_at: u64,
}

impl<'a> History<'a> {
    fn of(config: &Config, slot: Slot<'a>, facts: &'a HostFacts) -> Option<Self> {
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
            index: index_of(container),
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
            replicas: slot.role.replicas,
            current: found.next(),
            others: found.collect(),
            images: tags
                .filter(|tag| *tag != "latest")
                .map(str::to_owned)
                .collect(),
            // The last line of a version is the last one in the map.
            routed: facts
                .routed
                .iter()
                .map(|route| (route.version.as_str(), route.at))
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

    /// Whether `version` could run here again: by its image, or by a container for each that the role has.
    fn can_run(&self, version: &str) -> bool {
        let containers = self.current.iter().chain(&self.others);
        let of_version = containers.filter(|past| past.version == version);
        let indexes: BTreeSet<u32> = of_version.map(|past| past.index).collect();
        self.images.contains(version) || (0..self.replicas).all(|index| indexes.contains(&index))
    }

    /// Returns every version that is known here.
    fn known(&self) -> BTreeSet<&str> {
        let mut known = self.versions();
        known.extend(self.routed.keys());
        known
    }

    /// Whether `version` runs here.
    fn serves(&self, version: &str) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|past| past.is_up && past.version == version)
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

/// Returns the version that a rollback goes to, and what is to be said of it: by what was routed, else by the containers.
fn earlier(histories: &[History], runs: &Runs, now: u64) -> Result<(String, Option<String>)> {
    match runs.earlier() {
        Earlier::RolledBack {
            version,
            operation,
            note,
        } => {
            let what = match operation {
                "undo" => "the last plan was undone",
                _ => "already rolled back",
            };
            let note = note.map(|(at, by)| {
                let by = match by {
                    "" => String::new(),
                    by => format!(" by {}", one_line(by)),
                };
                let ago = ago(now, at);
                format!("{what} {ago}{by}; `mrsk rollback VERSION` goes to another")
            });
            Ok((version.to_owned(), note))
        }
        Earlier::Version(version) => Ok((version.to_owned(), None)),
        Earlier::Unknown => earlier_container(histories, runs, now),
    }
}

/// Returns whether these may be the first digits of a commit.
fn begins_commit(named: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    named.len() >= COMMIT_DIGITS && named.bytes().all(is_hex)
}

/// Returns the version that hosts know and whose first digits `named` has, as messages show them; otherwise `named` is the version.
fn whole(histories: &[History], named: &str) -> Result<String> {
    let known: BTreeSet<&str> = histories.iter().flat_map(History::known).collect();
    if known.contains(named) || !begins_commit(named) {
        return Ok(named.to_owned());
    }
    let known = known.into_iter();
    let found = Vec::from_iter(known.filter(|version| version.starts_with(named)));
    match found.as_slice() {
        [] => Ok(named.to_owned()),
        [version] => Ok((*version).to_owned()),
        several => Err(vec![
            Diagnostic::error(format!(
                "`{named}` begins several versions: {}",
                list(several)
            ))
            .help("give more of its digits"),
        ]),
    }
}

/// Returns how long ago something was.
fn ago(now: u64, at: u64) -> String {
    let since = duration(now.saturating_sub(at).saturating_mul(1000));
    format!("{since} ago")
}

/// Returns the version whose containers ran on all hosts before the current one, and what is to be said of it. A version that was routed
/// is none: it was left out already.
fn earlier_container(
    histories: &[History],
    runs: &Runs,
    now: u64,
) -> Result<(String, Option<String>)> {
    let routed = runs.versions();
    let current: BTreeSet<&str> = histories
        .iter()
        .filter_map(|history| Some(history.current.as_ref()?.version.as_str()))
        .collect();
    let from = histories.iter().find_map(History::rolled_back_from);
    let from = from.filter(|_| routed.is_empty());
    if let (Some(from), 1, Some(version)) = (from, current.len(), current.first()) {
        let ago = ago(now, from.stopped_at);
        let note = format!(
            "already rolled back: {} stopped {ago}; `mrsk rollback VERSION` goes to another",
            shorten(&from.version)
        );
        return Ok(((*version).to_owned(), Some(note)));
    }
    let versions: BTreeSet<&str> = histories.iter().flat_map(History::versions).collect();
    let versions = versions.into_iter();
    let versions = versions.filter(|version| !routed.contains(version));
    let candidates = versions.filter_map(|version| {
        let ran = histories.iter().map(|history| history.ran(version));
        let ran: Option<Vec<u64>> = ran.collect();
        let since = ran?.into_iter().min()?;
        (since != u64::MAX).then_some((since, version))
    });
    match candidates.max() {
        Some((_, version)) => Ok((version.to_owned(), None)),
        None => Err(vec![
            Diagnostic::error("no earlier version has run on all selected hosts")
                .help(which_version(histories, now, "name a version")),
        ]),
    }
}

/// Returns the one version that runs.
fn running(histories: &[History], now: u64) -> Result<String> {
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
        now,
        "name one with `--version`",
    ))])
}

/// Returns what to do about a version that cannot be found: `how`, with those that the hosts have; where there are none, a deploy.
fn which_version(histories: &[History], now: u64, how: &str) -> String {
    match histories
        .iter()
        .all(|history| history.versions().is_empty())
    {
        true => "the selected hosts have no version of the app; deploy one first".to_owned(),
        false => format!("{how}: {}", inventory(histories, now)),
    }
}

/// Returns the registry digest of the image that hosts pull which have neither it nor a container to start again; `None` if every host has one.
///
/// # Errors
/// It is not known which image was routed, or the registry does not give it.
fn pulled_image<'a>(
    histories: &[History],
    facts: &Facts,
    image: &Image<'a, '_>,
    environment: Environment,
) -> Result<Option<&'a str>> {
    let version = image.version;
    let has = |history: &History| match environment {
        Environment::Kept => history.can_run(version),
        Environment::Fresh => history.serves(version) || history.images.contains(version),
    };
    let lacking: BTreeSet<&str> = histories
        .iter()
        .filter(|history| !has(history))
        .map(|history| history.host.as_str())
        .collect();
    if lacking.is_empty() {
        return Ok(None);
    }
    let why = match image.digest {
        None => "no host knows which image was routed".to_owned(),
        Some(digest) => match facts
            .registry_lacks
            .contains(&format!("{}@{digest}", image.repository))
        {
            true => format!("the registry does not have {digest}"),
            false => return Ok(Some(digest)),
        },
    };
    let hosts = list(&Vec::from_iter(lacking));
    let message = match environment {
        Environment::Kept => format!(
            "version {version} is not on {hosts}: neither a container nor an image of it, and {why}"
        ),
        Environment::Fresh => {
            format!(
                "the image of version {version}, which `--fresh-env` starts, is not on {hosts}, and {why}"
            )
        }
    };
    let has_containers = histories
        .iter()
        .all(|history| history.versions().contains(version));
    let omit = match environment {
        Environment::Fresh if has_containers => {
            "omit `--fresh-env` to start the containers that the hosts have, "
        }
        _ => "",
    };
    Err(vec![Diagnostic::error(message).help(format!(
        "{omit}roll back to a version that the hosts have, or run `mrsk deploy --skip-push --version {version}`: {}",
        inventory(histories, facts.taken_at)
    ))])
}

/// Returns what each host has: `a has 1 (routed 2h 05m ago) and 2; b has 2`.
fn inventory(histories: &[History], now: u64) -> String {
    let mut hosts: BTreeMap<&HostName, BTreeMap<&str, Option<u64>>> = BTreeMap::new();
    for history in histories {
        let versions = history.versions().into_iter();
        let versions = versions.map(|version| (version, history.routed.get(version).copied()));
        hosts.entry(history.host).or_default().extend(versions);
    }
    let version = |(version, routed): (&str, Option<u64>)| match routed {
        None => version.to_owned(),
        Some(at) => format!("{version} (routed {})", ago(now, at)),
    };
    let parts = hosts.into_iter().map(|(host, versions)| {
        let versions = Vec::from_iter(versions.into_iter().map(version));
        match versions.as_slice() {
            [] => format!("{host} has none"),
            versions => format!("{host} has {}", list(versions)),
        }
    });
    Vec::from_iter(parts).join("; ")
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
