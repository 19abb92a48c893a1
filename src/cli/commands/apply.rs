//! `mrsk apply`

use std::path::PathBuf;

use crate::cli::approval::ApprovalOptions;
use crate::cli::failure::Failure;
use crate::cli::options::LinkOptions;
use crate::cli::run::{self, RunOptions};
use crate::cli::trust::TrustOptions;
use crate::cli::{connections, environment, input, trust};
use crate::exit_code::ExitCode;

/// Arguments of `mrsk apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan file; `-` for standard input
    plan: PathBuf,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    approval: ApprovalOptions,
    #[command(flatten)]
    trust: TrustOptions,
    #[command(flatten)]
    run: RunOptions,

    /// Read secrets from FILE instead of .env.DEST and .env; DEST is the plan's destination
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

/// Applies a plan, or resumes it.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let plan = input::read_plan(&args.plan)?;
    let mut approved = args.approval.check(&args.plan, &plan).await?;
    let destination = plan.operation.destination.as_deref();
    let environment = environment::load(args.env_file.as_deref(), destination)
        .map_err(|diagnostics| Failure::of(ExitCode::Configuration, diagnostics))?;
    let pins = trust::check(&plan, &approved, &args.trust, &args.link).await?;
    approved.arguments.extend(args.trust.arguments());
    let links = connections::to_planned(&args.link, &plan, &pins)?;
    run::apply(plan, &approved, &environment, links, &args.run, &args.link).await
}
