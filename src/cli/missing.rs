//! Secrets, files and source that a plan needs and this machine does not have.

use std::sync::Arc;

use super::failure::Failure;
use crate::apply::links::{Links, place};
use crate::apply::preflight::{Missing, Requirement};
use crate::config::dotenv::files_shown;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::name::StepId;
use crate::plan::Plan;
use crate::plan::resume::{Evidence, Status, resume};
use crate::plan::shape::Shape;
use crate::record::Listing;
use crate::text;

/// Steps that a message names.
const STEPS_SHOWN: usize = 3;

/// Fails if steps that are not done need something that is missing.
pub async fn check(plan: &Plan, links: &Arc<Links>, missing: Vec<Missing>) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    refuse(
        needed(plan, links, missing).await,
        plan.operation.destination.as_deref(),
    )
}

/// Returns what steps need that are not done.
async fn needed(plan: &Plan, links: &Arc<Links>, missing: Vec<Missing>) -> Vec<Missing> {
    let Ok(shape) = Shape::new(plan) else {
        return missing;
    };
    let mut evidence = Evidence::default();
    for host in plan.hosts.keys() {
        let Ok(linked) = links.get(host).await else {
            continue;
        };
        if let Ok(Listing { attempts, .. }) = linked.list(&place(plan, host)).await {
            evidence.begun |= !attempts.is_empty();
            evidence.attempts.insert(host.clone(), attempts);
        }
    }
    let statuses = resume(plan, &shape, &evidence);
    let is_done = |id: &StepId| {
        plan.steps.iter().zip(&statuses).any(|(step, status)| {
            step.id == *id && matches!(status, Status::Done | Status::Tolerated)
        })
    };
    missing
        .into_iter()
        .filter(|missing| !missing.steps.iter().all(is_done))
        .collect()
}

fn refuse(missing: Vec<Missing>, destination: Option<&str>) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    let is_stale = missing
        .iter()
        .all(|missing| matches!(missing.what, Requirement::Source(_)));
    let exit_code = match is_stale {
        true => ExitCode::Stale,
        false => ExitCode::Configuration,
    };
    let diagnostics = missing
        .into_iter()
        .map(|missing| diagnostic(missing, destination))
        .collect();
    Err(Failure::of(exit_code, diagnostics))
}

fn diagnostic(missing: Missing, destination: Option<&str>) -> Diagnostic {
    let steps: Vec<&str> = missing.steps.iter().map(StepId::as_str).collect();
    let needed = format!("needed by {}", text::list_up_to(STEPS_SHOWN, &steps));
    match missing.what {
        Requirement::Variable(name) => {
            Diagnostic::error(format!("secret `{name}` is not set; {needed}")).help(format!(
                "set {name} in the environment or in {}; nothing was changed",
                files_shown(destination)
            ))
        }
        Requirement::File { path, problem } => Diagnostic::error(format!(
            "{path}: {problem}; {needed}"
        ))
        .help(
            "apply the plan in a checkout of the commit that it was made from; nothing was changed",
        ),
        Requirement::Template(mut error) => {
            error.message += &format!("; {needed}");
            let help = error.help.take();
            let help = help.map_or_else(String::new, |help| format!("{help}; "));
            error.help(format!("{help}nothing was changed"))
        }
        Requirement::Source(problem) => Diagnostic::error(problem)
            .help("check out the planned commit, or plan again; nothing was changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_differing_source_is_stale() {
        let missing = |what| Missing {
            what,
            steps: [StepId::from("local/image/v1/build")].into(),
        };
        let source = || missing(Requirement::Source("another commit".into()));
        let secret = || missing(Requirement::Variable("KEY".into()));
        assert!(refuse(Vec::new(), None).is_ok());
        let code = |missing| refuse(missing, None).unwrap_err().exit_code;
        assert_eq!(code(vec![source()]), ExitCode::Stale);
        assert_eq!(code(vec![source(), secret()]), ExitCode::Configuration);
    }
}
