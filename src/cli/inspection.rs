//! Takes the facts that a plan is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::failure::Failure;
use super::registry::Registry;
use super::unreachable::{self, Asked};
use super::{connections, random};
use crate::apply::links::{self, Links};
use crate::config::model::{Accessory, Config, Role};
use crate::diagnostic::Diagnostic;
use crate::docker::{container, names};
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, HostFacts, SourceFacts};
use crate::facts::{self, Compared, Extent, Query, SecretQuestion, document};
use crate::name::HostName;
use crate::secret::{Secret, Secrets};
use crate::transport::LinkError;

/// What hosts are asked beside what the configuration tells.
pub struct Question<'a> {
    /// How much they are asked.
    pub extent: Extent,
    /// The values that those of containers are compared with.
    pub secrets: &'a Secrets,
    /// The containers whose secrets are compared.
    pub compared: Compared,
    /// The version whose routes are reported; empty: none.
    pub version: &'a str,
}

/// Inspects the hosts that are `asked` at once. Fails with every one that cannot be reached.
pub async fn take(
    config: &Config,
    question: &Question<'_>,
    links: &Arc<Links>,
    asked: &Asked,
) -> Result<BTreeMap<HostName, HostFacts>, Failure> {
    let hosts: BTreeSet<HostName> = asked
        .selected
        .iter()
        .chain(&asked.lock_host)
        .cloned()
        .collect();
    let hosts = Vec::from_iter(hosts);
    let mut queries = BTreeMap::new();
    for host in &hosts {
        queries.insert(host.clone(), query(config, question, host)?);
    }
    let queries = Arc::new(queries);
    let (facts, problems) = connections::ask_all(hosts, |host| {
        let (links, queries) = (links.clone(), queries.clone());
        async move {
            let mut facts = match links.inspect(&host, &queries[&host]).await {
                // A link that stood idle may have broken.
                Err(links::Failure::Link(LinkError::Lost { .. })) => {
                    links.renew(&host).await;
                    links.inspect(&host, &queries[&host]).await?
                }
                answer => answer?,
            };
            facts.host_keys = links.host_keys(&host).await?;
            Ok(facts)
        }
    })
    .await;
    if problems.is_empty() {
        return Ok(facts);
    }
    Err(unreachable::failure(problems, asked))
}

/// Inspects all `hosts` at once, without a question about secrets. Returns the answers in the order of the hosts.
pub async fn ask(
    config: &Config,
    links: &Arc<Links>,
    hosts: Vec<HostName>,
) -> Vec<(HostName, Result<HostFacts, links::Failure>)> {
    let mut tasks = Vec::new();
    for host in hosts {
        let (links, asked) = (links.clone(), host.clone());
        let query = plain_query(config);
        let task = tokio::spawn(async move { links.inspect(&asked, &query).await });
        tasks.push((host, task));
    }
    let mut answers = Vec::new();
    for (host, task) in tasks {
        let lost = |error: tokio::task::JoinError| {
            let detail = error.to_string();
            Err(links::Failure::Link(LinkError::Lost { detail }))
        };
        answers.push((host, task.await.unwrap_or_else(lost)));
    }
    answers
}

/// Returns what `host` is asked for this configuration: nothing about the secrets of roles that it does not have.
fn query(config: &Config, asked: &Question, host: &HostName) -> Result<Query, Failure> {
    let salt: [u8; 16] = random::bytes()?;
    Ok(Query {
        images: images(config, host),
        paths: paths(config, host),
        secrets: config
            .roles
            .iter()
            .filter(|role| role.hosts.contains(host))
            .filter_map(|role| question(config, (role, host), &salt, asked.secrets))
            .collect(),
        compared: asked.compared,
        extent: asked.extent,
        version: asked.version.to_owned(),
        ..plain_query(config)
    })
}

/// Returns what every host is asked for this configuration.
fn plain_query(config: &Config) -> Query {
    Query {
        service: config.service.clone(),
        destination: config.destination.clone(),
        containers: config
            .accessories
            .iter()
            .map(|accessory| names::accessory(config, accessory))
            .collect(),
        ports: ports(config).into_iter().collect(),
        repository: config.repository(),
        ..Query::default()
    }
}

/// Returns the images of Traefik, and of the accessories of `host`.
fn images(config: &Config, host: &HostName) -> Vec<String> {
    let accessories = accessories_of(config, host).map(|accessory| accessory.image.clone());
    let images = accessories.chain([config.traefik.image.clone()]);
    Vec::from_iter(images.collect::<BTreeSet<String>>())
}

/// Returns the files and directories that the accessories of `host` have there.
fn paths(config: &Config, host: &HostName) -> Vec<String> {
    const HOME: &str = "~";
    let mut paths = BTreeSet::new();
    for accessory in accessories_of(config, host) {
        let base = container::accessory_directory(config, accessory, HOME);
        let files = accessory.files.iter();
        paths.extend(files.map(|file| container::file_on_host(&base, file)));
        let directories = accessory.directories.iter();
        paths.extend(
            directories.map(|directory| container::directory_on_host(&base, directory, HOME)),
        );
        paths.insert(base);
    }
    Vec::from_iter(paths)
}

fn accessories_of<'a>(
    config: &'a Config,
    host: &'a HostName,
) -> impl Iterator<Item = &'a Accessory> {
    let accessories = config.accessories.iter();
    accessories.filter(move |accessory| accessory.hosts.contains(host))
}

/// Returns the TCP ports of hosts that Traefik, accessories and roles publish.
fn ports(config: &Config) -> BTreeSet<u16> {
    let accessories = config.accessories.iter();
    let accessories = accessories.filter_map(Accessory::published_port);
    let traefik = config.traefik.published_ports();
    let roles = config.roles.iter().flat_map(Role::published_ports);
    traefik
        .into_iter()
        .chain(accessories)
        .chain(roles)
        .collect()
}

fn question(
    config: &Config,
    (role, host): (&Role, &HostName),
    salt: &[u8],
    secrets: &Secrets,
) -> Option<SecretQuestion> {
    let values: Vec<(&str, &Secret)> = role
        .env_of(host)
        .secret
        .iter()
        .filter_map(|variable| Some((variable.name.as_str(), secrets.get(&variable.secret)?)))
        .collect();
    (!values.is_empty()).then(|| {
        SecretQuestion::new(
            role.name.as_str(),
            config.destination.as_deref(),
            salt,
            values,
        )
    })
}

/// Returns the facts of hosts on which nothing is installed.
pub fn bare_hosts(config: &Config) -> BTreeMap<HostName, HostFacts> {
    config
        .hosts
        .iter()
        .map(|host| (host.name.clone(), links::bare(&host.user)))
        .collect()
}

/// Returns the facts as a document.
pub fn document(
    hosts: BTreeMap<HostName, HostFacts>,
    registry: Registry,
    source: Option<SourceFacts>,
) -> Facts {
    Facts {
        format_version: document::FORMAT_VERSION.to_owned(),
        hosts,
        registry: registry.digests,
        registry_bytes: registry.bytes,
        pushed: None,
        registry_lacks: BTreeSet::new(),
        source,
        secrets_compared: false,
        taken_at: u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0),
    }
}

/// Fails if two hosts of the configuration are one machine.
pub fn check_duplicates(facts: &Facts) -> Result<(), Failure> {
    let problems: Vec<Diagnostic> = facts::same_machine(facts)
        .into_iter()
        .map(|(one, other)| {
            Diagnostic::error(format!("{one} and {other} are the same machine"))
                .help("list each machine once")
        })
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::of(ExitCode::Configuration, problems))
}
