//! `mrsk resolve`

use std::path::PathBuf;

use crate::apply::resolve::{self, Error, Statement};
use crate::cli::approval::ApprovalOptions;
use crate::cli::failure::Failure;
use crate::cli::options::LinkOptions;
use crate::cli::run::{check_lock_host, query};
use crate::cli::secret_reader::PlannedSources;
use crate::cli::trust::TrustOptions;
use crate::cli::{connections, environment, git, input, output, random, trust};
use crate::digest;
use crate::exit_code::ExitCode;
use crate::name::{HostName, RunId, StepId};
use crate::plan::Plan;
use crate::plan::doubt::Finding;
use crate::text;

/// Arguments of `mrsk resolve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan file; `-` for standard input
    plan: PathBuf,

    /// The step in doubt: its number or its id as `mrsk show` has them, or its whole id
    step: String,
    #[command(flatten)]
    finding: FindingOptions,

    /// Reason, for the audit log
    #[arg(short = 'm', long, value_name = "REASON", value_parser = parse_reason)]
    message: String,

    /// The lock host, if the plan was applied with --lock-host
    #[arg(long, value_name = "HOST")]
    lock_host: Option<HostName>,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    approval: ApprovalOptions,
    #[command(flatten)]
    trust: TrustOptions,
}

#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct FindingOptions {
    /// It took effect: the next apply continues behind it
    #[arg(long)]
    done: bool,

    /// It took no effect, or was undone: the next apply runs it again
    #[arg(long)]
    again: bool,
}

impl FindingOptions {
    fn finding(&self) -> Finding {
        match self.done {
            true => Finding::Done,
            false => Finding::Again,
        }
    }
}

fn parse_reason(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("the reason is empty"),
        reason => Ok(reason.to_owned()),
    }
}

/// Records how a step in doubt ended, as a person says.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut plan = input::read_plan(&args.plan)?;
    let step = find(&plan, &args.step)?;
    let approved = args.approval.check(&args.plan, &plan).await?;
    if let Some(host) = &args.lock_host {
        check_lock_host(&plan, host)?;
        plan.lock_host = host.clone();
    }
    let pins = trust::check(&plan, &approved, &args.trust, &args.link).await?;
    let destination = plan.operation.destination.as_deref();
    let environment = environment::load(None, destination)
        .map_err(|problems| Failure::of(ExitCode::Configuration, problems))?;
    let keys = connections::planned_keys(&plan, &PlannedSources::read(&plan, environment)?)?;
    let links = connections::to_planned(&args.link, &plan, &pins, &keys)?;
    let statement = Statement {
        step,
        finding: args.finding.finding(),
        who: git::user_name().await,
        reason: args.message,
        id: RunId::from(digest::hex(&random::bytes::<16>()?)),
    };
    let resolved = resolve::resolve(&plan, &links, &query(&plan), &statement).await;
    links.close();
    resolved.map_err(|error| failure(&plan, &statement.step, error))?;
    let result = match statement.finding {
        Finding::Done => "counts as done",
        Finding::Again => "will run again",
    };
    let step = text::one_line(statement.step.as_str());
    output::print(&format!("{step} {result}; apply the plan again\n"))
}

/// Returns the step with this id, with this number in the review, or with this id there, which lacks the host if only one host has such a
/// step.
fn find(plan: &Plan, name: &str) -> Result<StepId, Failure> {
    let steps = || plan.steps.iter().map(|step| (step, &step.id));
    if let Some((_, id)) = steps().find(|(_, id)| id.as_str() == name) {
        return Ok(id.clone());
    }
    let number = name.trim_start_matches('#').parse::<usize>().ok();
    if let Some(number) = number {
        let step = number.checked_sub(1).and_then(|at| plan.steps.get(at));
        return step.map(|step| step.id.clone()).ok_or_else(|| {
            let message = format!("the plan has no step {number}");
            let last = plan.steps.len();
            Failure::new(ExitCode::Usage, message)
                .help(format!("its steps are 1 to {last}: see `mrsk show`"))
        });
    }
    let short = steps().filter(|(step, id)| {
        let place = step.host.as_ref().map_or("local", HostName::as_str);
        text::short_id(id.as_str(), place) == name
    });
    let found: Vec<String> = short.map(|(_, id)| id.to_string()).collect();
    match found.as_slice() {
        [id] => Ok(StepId::from(id.as_str())),
        [] => Err(Failure::new(
            ExitCode::Usage,
            format!("the plan has no step {}", text::one_line(name)),
        )
        .help("name it by its number or id: see `mrsk show`, on a wide terminal for ids")),
        several => {
            let ids: Vec<String> = several.iter().map(|id| text::one_line(id)).collect();
            let message = format!("several steps are named {}", text::one_line(name));
            let help = format!("use the number, or one of {}", text::list_up_to(5, &ids));
            Err(Failure::new(ExitCode::Usage, message).help(help))
        }
    }
}

fn failure(plan: &Plan, step: &StepId, error: Error) -> Failure {
    let code = match &error {
        Error::Unknown(_) => ExitCode::Usage,
        Error::Shape(_) => ExitCode::Damaged,
        Error::Alive(_) => ExitCode::Locked,
        Error::Refused(..) | Error::Host(_) => ExitCode::Failed,
    };
    if let Error::Host(failure) = &error {
        let host = plan.steps.iter().find(|other| other.id == *step);
        let host = host.and_then(|step| step.host.as_ref());
        let problem = connections::diagnostic(host.unwrap_or(&plan.lock_host), failure);
        return Failure::of(ExitCode::Unreachable, vec![problem]);
    }
    let failure = Failure::new(code, text::one_line(&error.to_string()));
    match error {
        Error::Alive(_) => failure.help("wait until it has ended: it asks the hosts itself"),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_found_as_the_review_names_it() {
        let text = include_str!("../../../fixtures/plans/boot-in-groups/plan.json");
        let plan: Plan = serde_json::from_str(text).unwrap();
        let found = |name: &str| find(&plan, name).map(|id| id.to_string());
        let id = |at: usize| plan.steps[at].id.to_string();
        assert_eq!(found(&id(2)).unwrap(), id(2));
        assert_eq!(found("3").unwrap(), id(2));
        assert_eq!(found("#1").unwrap(), id(0));
        let local = plan.steps.iter().position(|step| step.host.is_none());
        let local = id(local.unwrap());
        let short = local.strip_prefix("local/").unwrap();
        assert_eq!(found(short).unwrap(), local);
        let message = |name| {
            let failure = found(name).unwrap_err();
            failure.diagnostics[0].message.clone()
        };
        assert_eq!(message("0"), "the plan has no step 0");
        assert_eq!(message("nope"), "the plan has no step nope");
        let of_hosts = plan.steps.iter().filter_map(|step| {
            let host = step.host.as_ref()?.as_str();
            Some(text::short_id(step.id.as_str(), host))
        });
        let of_hosts: Vec<&str> = of_hosts.collect();
        let twice = of_hosts
            .iter()
            .find(|one| of_hosts.iter().filter(|other| other == one).count() > 1);
        let twice = twice.unwrap();
        assert_eq!(message(twice), format!("several steps are named {twice}"));
    }
}
