//! Runs the hook `pre-connect` on this machine, before the first connection. It is claimed by nobody, and runs each time.

use std::time::Duration;

use super::failure::Failure;
use super::project::Project;
use super::{git, output};
use crate::action::Run;
use crate::apply::local_step::{self, Work};
use crate::apply::preflight::{self, Environment, Value};
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::facts::model::SourceFacts;
use crate::plan::{Operation, Plan, Step, compile, pre_connect_step};
use crate::record::Ending;
use crate::redaction::Redactor;
use crate::secret::Secrets;
use crate::text;
use crate::transport::local::Stopper;

/// Lines of its output that a failure shows.
const SHOWN: usize = 20;

/// Runs the hook before the hosts are looked at for a plan of `operation`.
///
/// # Errors
/// The hook cannot be run, or failed.
pub async fn before_plan(
    project: &Project,
    source: &SourceFacts,
    operation: &Operation,
) -> Result<(), Failure> {
    let run = compile::pre_connect(project.config(), source, operation)
        .map_err(|problems| Failure::of(ExitCode::Configuration, project.locate(problems)))?;
    run_if_any(run.as_ref(), project).await
}

/// Runs the hook of `plan` before that is applied.
///
/// # Errors
/// The hook is not the one that was planned, or failed.
pub async fn before_apply(plan: &Plan, values: &dyn Environment) -> Result<(), Failure> {
    run_if_any(plan.pre_connect.as_ref(), values).await
}

async fn run_if_any(run: Option<&Run>, values: &dyn Environment) -> Result<(), Failure> {
    let Some(run) = run else {
        return Ok(());
    };
    let (step, root) = (pre_connect_step(run), git::root().await?);
    if let Some(problem) = preflight::changed_programs(&step, &root).next() {
        let help = "check out the planned commit, or plan again; nothing was connected to";
        return Err(Failure::new(ExitCode::Stale, problem).help(help));
    }
    output::print_note(&text::one_line(&step.summary));
    let secrets = secrets(&step, values)?;
    let work = Work {
        redactor: Redactor::new(&secrets),
        secrets,
        root,
        variables: Default::default(),
        docker_config: None,
        who: git::user_name().await,
        runtime: Duration::ZERO,
        step,
    };
    // It ends with this process, as by Ctrl-C.
    let (_stop, stopped) = Stopper::new();
    let end = local_step::run(&work, stopped, |_| {}).await;
    if end.ending == Ending::Succeeded {
        return Ok(());
    }
    let lines = Vec::from_iter(end.tail.lines());
    for line in &lines[lines.len().saturating_sub(SHOWN)..] {
        output::print_note(&format!("  {}", text::one_line(line)));
    }
    let program = run.program().unwrap_or_default();
    let how = match end.ending {
        Ending::Failed { code } => format!("exit status {code}"),
        _ => "stopped".to_owned(),
    };
    let message = format!("the hook {program} failed: {how}");
    let help = "no host was connected to, and nothing was changed";
    Err(Failure::new(ExitCode::Failed, message).help(help))
}

/// Returns the values of its secrets that are known without running anything.
fn secrets(step: &Step, values: &dyn Environment) -> Result<Secrets, Failure> {
    let mut known = Secrets::new();
    for name in step.secrets.iter().map(|secret| &secret.name) {
        match values.value(name) {
            Value::Known(value) => drop(known.insert(name.clone(), value)),
            Value::Late | Value::Unset => {}
            Value::Invalid(problem) => {
                return Err(Failure::of(ExitCode::Configuration, vec![problem]));
            }
            Value::Stale(how) => {
                let help = "check out the planned commit, or plan again; nothing was changed";
                let error = Diagnostic::error(how).help(help);
                return Err(Failure::of(ExitCode::Stale, vec![error]));
            }
        }
    }
    Ok(known)
}
