//! Plans an operation on a project.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::failure::Failure;
use super::inspection;
use super::project::Project;
use super::registry;
use crate::apply::links::Links;
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, SourceFacts};
use crate::plan::{Operation, Plan, compile, leak};

/// Takes the facts that an operation needs.
pub async fn inspect(
    project: &Project,
    links: &Arc<Links>,
    operation: &Operation,
    source: SourceFacts,
) -> Result<Facts, Failure> {
    let config = project.config();
    let selected = compile::selected_hosts(config, operation)
        .map_err(|diagnostics| Failure::of(ExitCode::Usage, diagnostics))?;
    let hosts = inspection::with_lock_host(config, selected);
    let digests = async {
        match operation.kind.release() {
            Some(release) if release.skip_push => {
                registry::digests(config, &project.secrets, &release.version).await
            }
            Some(_) | None => Ok(BTreeMap::new()),
        }
    };
    let (hosts, digests) = tokio::join!(
        inspection::take(config, &project.secrets, links, hosts),
        digests
    );
    let mut facts = inspection::document(hosts?, digests?, Some(source));
    facts.secrets_compared = !project.secrets.is_empty();
    inspection::check_duplicates(&facts)?;
    Ok(facts)
}

/// Compiles the plan. Fails if it would contain the value of a secret.
pub fn compile(project: &Project, facts: &Facts, operation: &Operation) -> Result<Plan, Failure> {
    compile::selected_hosts(project.config(), operation)
        .map_err(|diagnostics| Failure::of(ExitCode::Usage, diagnostics))?;
    let plan = compile::compile(project.config(), facts, operation)
        .map_err(|problems| Failure::of(ExitCode::Configuration, project.locate(problems)))?;
    check_leaks(&plan, project)?;
    Ok(plan)
}

fn check_leaks(plan: &Plan, project: &Project) -> Result<(), Failure> {
    let document = serde_json::to_value(plan).map_err(Failure::internal)?;
    let named = leak::find(&document, &project.secrets).map(|leak| {
        (
            format!("secret `{}` at {}", leak.secret, leak.place),
            "refer to the secret by its name in the configuration, or choose another value for it",
        )
    });
    let taken = || {
        let leak = leak::find(&document, &project.taken)?;
        Some((
            format!(
                "`{}`, which a template read, at {}",
                leak.secret, leak.place
            ),
            "name the variable under `secret` instead, or rename it if it holds no credential",
        ))
    };
    let Some((what, help)) = named.or_else(taken) else {
        return Ok(());
    };
    let message = format!("the plan would contain the value of {what}");
    Err(Failure::new(ExitCode::Configuration, message).help(help))
}
