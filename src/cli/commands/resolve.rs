//! `mrsk resolve`

use std::path::PathBuf;

use crate::apply::resolve::{self, Error, Statement};
use crate::cli::approval::ApprovalOptions;
use crate::cli::failure::Failure;
use crate::cli::options::LinkOptions;
use crate::cli::run::{check_lock_host, query};
use crate::cli::trust::TrustOptions;
use crate::cli::{connections, git, input, output, random, trust};
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

    /// Id of the step in doubt, as the report of `mrsk apply` prints it
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
    let approved = args.approval.check(&args.plan, &plan).await?;
    if let Some(host) = &args.lock_host {
        check_lock_host(&plan, host)?;
        plan.lock_host = host.clone();
    }
    let pins = trust::check(&plan, &approved, &args.trust, &args.link).await?;
    let links = connections::to_planned(&args.link, &plan, &pins)?;
    let statement = Statement {
        step: StepId::from(args.step),
        finding: args.finding.finding(),
        who: git::user_name().await,
        reason: args.message,
        id: RunId::from(digest::hex(&random::bytes::<16>()?)),
    };
    let resolved = resolve::resolve(&plan, &links, &query(&plan), &statement).await;
    links.close();
    resolved.map_err(|error| failure(&plan, &statement.step, error))?;
    let (step, result) = match statement.finding {
        Finding::Done => (&statement.step, "counts as done"),
        Finding::Again => (&statement.step, "will run again"),
    };
    let step = text::one_line(step.as_str());
    output::print(&format!("{step} {result}; apply the plan again\n"))
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
        Error::Unknown(_) => failure
            .help("`mrsk apply --verbose` and the JSON of the plan have the ids of its steps"),
        Error::Alive(_) => failure.help("wait until it has ended: it asks the hosts itself"),
        _ => failure,
    }
}
