//! Takes the facts that a plan is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::args::LinkArgs;
use super::exit::{self, Failure};
use crate::apply::links::{self, Links};
use crate::config::model::{Accessory, Config, Role};
use crate::diagnostic::Diagnostic;
use crate::docker::{builder, image, names};
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, HostFacts, SourceFacts};
use crate::facts::{self, Query, SecretQuestion, document};
use crate::name::HostName;
use crate::record::Ending;
use crate::secret::{Secret, Secrets};
use crate::transport::local::{self, LocalCommand};
use crate::transport::{Connections, Target};

/// Opens links to `targets`; none is connected yet.
pub(super) fn open(
    args: &LinkArgs,
    targets: BTreeMap<HostName, Target>,
) -> Result<Arc<Links>, Failure> {
    let connections = Connections::new(args.options()?).map_err(|error| {
        Failure::new(
            ExitCode::Failed,
            format!("no place for control sockets: {error}"),
        )
    })?;
    Ok(Arc::new(Links::new(Arc::new(connections), targets)))
}

/// Asks all `hosts` at once. All that cannot be reached are reported together.
pub(super) async fn take(
    config: &Config,
    secrets: &Secrets,
    links: &Arc<Links>,
    hosts: &[HostName],
) -> Result<BTreeMap<HostName, HostFacts>, Failure> {
    let query = Arc::new(query(config, secrets)?);
    let mut asking = tokio::task::JoinSet::new();
    for host in hosts.iter().cloned() {
        let (links, query) = (links.clone(), query.clone());
        asking.spawn(async move {
            let answer = async {
                let mut facts = links.inspect(&host, &query).await?;
                facts.host_keys = links.host_keys(&host).await?;
                Ok::<_, links::Failure>(facts)
            };
            let answer = answer.await;
            (host, answer)
        });
    }
    let mut answers = BTreeMap::new();
    let mut problems: BTreeMap<HostName, Diagnostic> = BTreeMap::new();
    while let Some(joined) = asking.join_next().await {
        match joined {
            Ok((host, Ok(facts))) => {
                answers.insert(host, facts);
            }
            Ok((host, Err(failure))) => {
                let problem = diagnostic(&host, &failure);
                problems.insert(host, problem);
            }
            Err(error) => return Err(Failure::new(ExitCode::Failed, error.to_string())),
        }
    }
    if problems.is_empty() {
        return Ok(answers);
    }
    Err(Failure::of(
        ExitCode::Unreachable,
        problems.into_values().collect(),
    ))
}

/// Returns what keeps `host` from answering, and what to do about it.
fn diagnostic(host: &HostName, failure: &links::Failure) -> Diagnostic {
    if let links::Failure::Connect(error) = failure {
        let diagnostic = Diagnostic::error(error.problem());
        return match error.advice() {
            Some(advice) => diagnostic.help(advice),
            None => diagnostic,
        };
    }
    Diagnostic::error(format!("{host}: {failure}"))
}

/// Returns what hosts are asked for this configuration.
fn query(config: &Config, secrets: &Secrets) -> Result<Query, Failure> {
    let salt: [u8; 16] = random()?;
    Ok(Query {
        service: config.service.clone(),
        destination: config.destination.clone(),
        containers: config
            .accessories
            .iter()
            .map(|accessory| names::accessory(config, accessory))
            .collect(),
        ports: ports(config).into_iter().collect(),
        repository: config.repository(),
        secrets: config
            .roles
            .iter()
            .filter_map(|role| question(config, role, &salt, secrets))
            .collect(),
        ..Query::default()
    })
}

/// Returns the TCP ports of hosts that Traefik and accessories publish.
fn ports(config: &Config) -> BTreeSet<u16> {
    let accessories = config.accessories.iter();
    let accessories = accessories.filter_map(Accessory::published_port);
    let traefik = config.traefik.published_ports();
    traefik.into_iter().chain(accessories).collect()
}

fn question(
    config: &Config,
    role: &Role,
    salt: &[u8],
    secrets: &Secrets,
) -> Option<SecretQuestion> {
    let values: Vec<(&str, &Secret)> = role
        .env
        .secret
        .iter()
        .filter_map(|name| Some((name.as_str(), secrets.get(name)?)))
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

/// Returns random bytes from the system.
///
/// # Errors
/// A system that has none.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(filled) if filled == N => Ok(bytes),
        _ => Err(Failure::new(
            ExitCode::Failed,
            "the system gives no random bytes",
        )),
    }
}

/// Returns the facts of hosts that are taken to be bare.
pub(super) fn fresh(config: &Config) -> BTreeMap<HostName, HostFacts> {
    config
        .hosts
        .iter()
        .map(|host| (host.name.clone(), links::bare(&host.user)))
        .collect()
}

/// Returns the registry digest of the image that is to be deployed, where the registry answers.
pub(super) async fn registry(config: &Config, version: &str) -> BTreeMap<String, String> {
    let reference = image::reference(config, version);
    let ask = async |argv: Vec<String>| {
        let command = LocalCommand {
            argv,
            timeout: Some(std::time::Duration::from_secs(20)),
            ..LocalCommand::default()
        };
        let outcome = local::run(&command, |_| {}).await.ok()?;
        (outcome.ending == Ending::Succeeded).then_some(outcome.stdout)
    };
    let mut digest = None;
    if let Some(manifest) = ask(image::manifest(&reference)).await {
        digest = image::digest_of_manifest(&manifest);
        if digest.is_none() {
            let answer = ask(builder::digest(&reference)).await.unwrap_or_default();
            digest = Some(answer.trim().to_owned()).filter(|text| text.starts_with("sha256:"));
        }
    }
    digest
        .map(|digest| (reference, digest))
        .into_iter()
        .collect()
}

/// Puts a document of facts together.
pub(super) fn document(
    hosts: BTreeMap<HostName, HostFacts>,
    registry: BTreeMap<String, String>,
    source: Option<SourceFacts>,
) -> Facts {
    Facts {
        format_version: document::FORMAT_VERSION.to_owned(),
        hosts,
        registry,
        source,
        secrets_compared: false,
        taken_at: u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0),
    }
}

/// Refuses two entries of the configuration that are one machine.
pub(super) fn refuse_twins(facts: &Facts) -> Result<(), Failure> {
    let twins: Vec<Diagnostic> = facts::same_machine(facts)
        .into_iter()
        .map(|(one, other)| {
            Diagnostic::error(format!("{one} and {other} are the same machine"))
                .help("name each machine once")
        })
        .collect();
    if twins.is_empty() {
        return Ok(());
    }
    Err(Failure::of(ExitCode::Configuration, twins))
}

/// Reads recorded facts; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<Facts, Failure> {
    let text = read_text(path)?;
    document::read(&text).map_err(|error| {
        let message = format!("{}: {}", path.display(), exit::chain(&error));
        Failure::new(ExitCode::Configuration, message).help("facts come from `mrsk inspect`")
    })
}

/// Reads a file; `-` is standard input.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| {
        Failure::new(
            ExitCode::Configuration,
            format!("{} cannot be read: {error}", path.display()),
        )
    })
}

/// Returns the hosts that a plan looks at: the selected ones, and the one with the lock.
pub(super) fn with_lock_host(config: &Config, selected: Vec<HostName>) -> Vec<HostName> {
    let mut hosts: BTreeSet<HostName> = selected.into_iter().collect();
    hosts.extend(config.primary_host().cloned());
    hosts.into_iter().collect()
}
