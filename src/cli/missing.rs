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
    refuse(plan, needed(plan, links, missing).await)
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

fn refuse(plan: &Plan, missing: Vec<Missing>) -> Result<(), Failure> {
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
        .map(|missing| diagnostic(plan, missing))
        .collect();
    Err(Failure::of(exit_code, diagnostics))
}

/// Returns a step as a sentence names it: `` `Pull shop:2` on app1 ``.
fn named(plan: &Plan, id: &StepId) -> String {
    let step = plan.steps.iter().find(|step| step.id == *id);
    let summary = text::one_line(step.map_or(id.as_str(), |step| &step.summary));
    match step.and_then(|step| step.host.as_ref()) {
        Some(host) => format!("`{summary}` on {}", text::one_line(host.as_str())),
        None => format!("`{summary}`"),
    }
}

fn diagnostic(plan: &Plan, missing: Missing) -> Diagnostic {
    let destination = plan.operation.destination.as_deref();
    let steps: Vec<String> = missing.steps.iter().map(|id| named(plan, id)).collect();
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

    fn plan() -> Plan {
        let text = include_str!("../../fixtures/plans/second-version/plan.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn only_a_differing_source_is_stale() {
        let missing = |what| Missing {
            what,
            steps: [StepId::from("local/image/v1/build")].into(),
        };
        let source = || missing(Requirement::Source("another commit".into()));
        let secret = || missing(Requirement::Variable("KEY".into()));
        assert!(refuse(&plan(), Vec::new()).is_ok());
        let code = |missing| refuse(&plan(), missing).unwrap_err().exit_code;
        assert_eq!(code(vec![source()]), ExitCode::Stale);
        assert_eq!(code(vec![source(), secret()]), ExitCode::Configuration);
    }

    #[test]
    fn steps_are_named_by_what_they_do() {
        let plan = plan();
        let step = plan.steps.iter().find(|step| step.host.is_some()).unwrap();
        let host = step.host.as_ref().unwrap();
        let missing = Missing {
            what: Requirement::Variable("KEY".into()),
            steps: [step.id.clone()].into(),
        };
        let failure = refuse(&plan, vec![missing]).unwrap_err();
        let expected = format!(
            "secret `KEY` is not set; needed by `{}` on {host}",
            step.summary
        );
        assert_eq!(failure.diagnostics[0].message, expected);
    }
}
