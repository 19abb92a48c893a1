//! Plans an operation on a project.

use std::sync::Arc;

use super::connections;
use super::failure::Failure;
use super::inspection::{self, Question};
use super::output;
use super::project::Project;
use super::registry::{self, Registry};
use super::unreachable;
use crate::apply::links::Links;
use crate::config::model::Config;
use crate::config::render;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, SourceFacts};
use crate::facts::{Compared, Extent};
use crate::name::{HostName, PlanDigest};
use crate::plan::leak::{self, Likeness, Origin, Sources};
use crate::plan::{Operation, OperationKind, Plan, compile, lock_host};
use crate::record::Scope;
use crate::secret::Secrets;
use crate::text;
use crate::transport::request::Place;

/// Hosts that a message names.
const HOSTS_SHOWN: usize = 10;

/// What is planned.
pub struct Asked<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// `--lock-host`; `None`: the primary host.
    pub lock_host: Option<&'a HostName>,
}

impl Asked<'_> {
    /// Fails with every host, role and accessory that is named and that the configuration does not have, or that cannot hold the lock. It is
    /// asked before anything is read or reached for the operation.
    pub fn check(&self, config: &Config) -> Result<(), Failure> {
        let selected = selected_hosts(config, self.operation)?;
        match self.lock_host {
            Some(host) if !selected.contains(host) => {
                let message = format!("--lock-host: {host} is not a host of the operation");
                let names = text::list_up_to(HOSTS_SHOWN, &selected);
                Err(Failure::new(ExitCode::Usage, message).help(format!("its hosts: {names}")))
            }
            _ => Ok(()),
        }
    }
}

fn selected_hosts(config: &Config, operation: &Operation) -> Result<Vec<HostName>, Failure> {
    compile::selected_hosts(config, operation)
        .map_err(|diagnostics| Failure::of(ExitCode::Usage, diagnostics))
}

/// Asks the registry about the version of an operation, if it builds or pulls one.
pub async fn ask_registry(project: &Project, asked: &Asked<'_>) -> Result<Registry, Failure> {
    match asked.operation.kind.release() {
        Some(release) => {
            registry::digests(project.config(), &project.secrets, &release.version).await
        }
        None => Ok(Registry::default()),
    }
}

/// Returns whether an operation builds an image: it does not if the registry has an image of the version that a host has routed, or that
/// a container uses. Hosts are asked only if the registry has one.
pub async fn may_build(
    project: &Project,
    links: &Arc<Links>,
    asked: &Asked<'_>,
    source: &SourceFacts,
) -> Result<bool, Failure> {
    let release = asked.operation.kind.release();
    let Some(release) = release.filter(|release| !release.skip_push) else {
        return Ok(false);
    };
    let config = project.config();
    let registry = ask_registry(project, asked).await?;
    if registry.digests.is_empty() {
        return Ok(true);
    }
    let question = Question {
        extent: Extent::Whole,
        secrets: &Secrets::default(),
        compared: Compared::Running,
        version: &release.version,
    };
    let hosts = inspection::take(config, &question, links, &hosts(config, asked)?).await?;
    let facts = inspection::document(hosts, registry, Some(source.clone()));
    Ok(compile::built_before(config, &facts, &release.version).is_none())
}

fn hosts(config: &Config, asked: &Asked<'_>) -> Result<unreachable::Asked, Failure> {
    Ok(unreachable::Asked {
        selected: selected_hosts(config, asked.operation)?,
        lock_host: asked.lock_host.or(config.primary_host()).cloned(),
    })
}

/// Takes the facts that an operation needs.
pub async fn inspect(
    project: &Project,
    links: &Arc<Links>,
    asked: &Asked<'_>,
    source: SourceFacts,
) -> Result<Facts, Failure> {
    let registry = ask_registry(project, asked);
    inspect_with(project, links, asked, source, registry).await
}

/// Takes the facts that an operation needs, with what the registry answers, or answered before.
pub async fn inspect_with(
    project: &Project,
    links: &Arc<Links>,
    asked: &Asked<'_>,
    source: SourceFacts,
    registry: impl Future<Output = Result<Registry, Failure>>,
) -> Result<Facts, Failure> {
    let config = project.config();
    let operation = asked.operation;
    let hosts = hosts(config, asked)?;
    let question = Question {
        extent: Extent::Whole,
        secrets: project.compared(),
        compared: match operation.kind {
            OperationKind::Rollback(_) => Compared::All,
            _ => Compared::Running,
        },
        version: operation.version().unwrap_or_default(),
    };
    let (hosts, digests) =
        tokio::join!(inspection::take(config, &question, links, &hosts), registry);
    let mut facts = inspection::document(hosts?, digests?, Some(source));
    facts.secrets_compared = !question.secrets.is_empty();
    inspection::check_duplicates(&facts)?;
    if let Some((reference, digest)) = compile::missing_image(config, &facts, operation) {
        match registry::gives(config, question.secrets, &reference).await? {
            Some(true) => {
                facts.registry.insert(reference, digest);
            }
            Some(false) => {
                facts.registry_lacks.insert(reference);
            }
            None => {}
        }
    }
    Ok(facts)
}

/// What of other plans lived on hosts while they were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Nothing.
    None,
    /// Nothing does now; what did then may have changed what was looked at.
    MayHaveEnded,
    /// Something does, or a host does not tell.
    Live,
}

/// Asks the hosts on which plans were begun and not finished whether anything of them lives.
pub async fn others(config: &Config, links: &Arc<Links>, facts: &Facts) -> Others {
    let begun = facts
        .hosts
        .iter()
        .filter(|(_, host)| !host.unfinished.is_empty());
    let hosts: Vec<HostName> = begun.map(|(name, _)| name.clone()).collect();
    if hosts.is_empty() {
        return Others::None;
    }
    let place = |host: &HostName| Place {
        scope: Scope {
            service: config.service.clone(),
            destination: config.destination.clone(),
        },
        state_dir: facts.hosts[host].state_dir.clone(),
        plan: PlanDigest::from(format!("sha256:{}", "0".repeat(64))),
    };
    let (answers, problems) = connections::ask_all(hosts, |host| {
        let (links, place) = (links.clone(), place(&host));
        async move { Ok(links.get(&host).await?.others(&place, &[]).await?) }
    })
    .await;
    match problems.is_empty() && answers.values().all(Vec::is_empty) {
        true => Others::MayHaveEnded,
        false => Others::Live,
    }
}

/// Compiles the plan. Fails if it would contain the value of a secret.
pub fn compile(project: &Project, facts: &Facts, asked: &Asked<'_>) -> Result<Plan, Failure> {
    let operation = asked.operation;
    let plan = compile::compile(project.config(), facts, operation)
        .map_err(|problems| Failure::of(ExitCode::Configuration, project.locate(problems)))?;
    checked(plan, project, facts, asked)
}

/// Compiles the undo of `plan`, which was compiled from the same. Fails as [`compile`] does, and if there is none.
pub fn undo(
    project: &Project,
    facts: &Facts,
    asked: &Asked<'_>,
    plan: &Plan,
) -> Result<Plan, Failure> {
    let undo = compile::undo(project.config(), facts, plan)
        .map_err(|problems| Failure::of(ExitCode::Configuration, project.locate(problems)))?;
    checked(undo, project, facts, asked)
}

/// Returns the plan with its lock where it was asked for, if it holds no secret.
fn checked(
    plan: Plan,
    project: &Project,
    facts: &Facts,
    asked: &Asked<'_>,
) -> Result<Plan, Failure> {
    check_leaks(&plan, project, facts)?;
    match asked.lock_host {
        None => Ok(plan),
        Some(host) => lock_host::moved(plan, host).map_err(Failure::internal),
    }
}

/// Fails if the plan holds the value of a secret that came through a template, and warns of one that is there by accident.
fn check_leaks(plan: &Plan, project: &Project, facts: &Facts) -> Result<(), Failure> {
    let values = [&project.secrets, &project.taken];
    if leak::is_clean(plan, &values).map_err(Failure::internal)? {
        return Ok(());
    }
    let document = serde_json::to_value(plan).map_err(Failure::internal)?;
    let config = render::to_json(project.config());
    let sources = Sources {
        written: project.written(),
        config: &config,
        facts: &serde_json::to_value(facts).map_err(Failure::internal)?,
    };
    let mut warnings = Vec::new();
    for leak in leak::find(&document, &project.secrets, &sources) {
        let what = format!("the value of secret `{}` at {}", leak.secret, leak.place);
        let help = match leak.origin {
            Origin::Template => {
                "a template prints it: list the variable under `secret` instead, or choose another value for it"
            }
            Origin::Elsewhere(Likeness::Unique) => {
                "choose another value for the secret: this one is a text of the plan"
            }
            Origin::Elsewhere(Likeness::Common) => {
                let warning =
                    Diagnostic::warning(format!("the plan contains {what}, perhaps by accident"));
                warnings.push(warning.help(
                    "choose a longer value for the secret, or ignore this: it is a common word",
                ));
                continue;
            }
        };
        return Err(refuse(&what, help));
    }
    output::print_diagnostics(&warnings);
    let taken = leak::find(&document, &project.taken, &sources).into_iter();
    let mut printed = taken.filter(|leak| leak.origin == Origin::Template);
    if let Some(leak) = printed.next() {
        let what = format!(
            "the value of `{}`, which a template read, at {}",
            leak.secret, leak.place
        );
        return Err(refuse(
            &what,
            "name the variable under `secret` instead, or rename it if it holds no credential",
        ));
    }
    Ok(())
}

fn refuse(what: &str, help: &str) -> Failure {
    let message = format!("the plan would contain {what}");
    Failure::new(ExitCode::Configuration, message).help(help)
}
