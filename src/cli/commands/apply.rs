//! `mrsk apply`

use std::path::PathBuf;
use std::sync::Arc;

use crate::apply::links;
use crate::cli::approval::ApprovalOptions;
use crate::cli::deploy_lock::{Ended, Order, UrgencyOptions, Wanted};
use crate::cli::failure::Failure;
use crate::cli::forgetting::{self, Records};
use crate::cli::options::LinkOptions;
use crate::cli::run::{self, Begun, Means, Reporting, RunOptions};
use crate::cli::screen::Screen;
use crate::cli::secret_reader::PlannedSources;
use crate::cli::trust::TrustOptions;
use crate::cli::{connections, environment, input, pre_connect, trust};
use crate::exit_code::ExitCode;
use crate::redaction::Redactor;
use crate::secret::Secrets;

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
    #[command(flatten)]
    urgency: UrgencyOptions,

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
    let sources = Arc::new(PlannedSources::read(&plan, environment)?);
    let pins = trust::check(&plan, &approved, &args.trust, &args.link).await?;
    approved.arguments.extend(args.trust.arguments());
    let keys = connections::planned_keys(&plan, &*sources)?;
    pre_connect::before_apply(&plan, &*sources).await?;
    let links = connections::to_planned(&args.link, &plan, &pins, &keys)?;
    let options = args.run.with_urgency(args.urgency);
    let means = Means {
        values: sources,
        links: links.clone(),
        options: &options,
        link: &args.link,
    };
    if let Some(host) = options.lock_host() {
        run::check_lock_host(&plan, host)?;
    }
    let wanted = Wanted {
        links,
        host: options.lock_host().unwrap_or(&plan.lock_host).clone(),
        scope: links::scope(&plan),
        operation: plan.operation.name().to_owned(),
        version: plan.version.clone().unwrap_or_default(),
        order: Order::PlanFirst,
        wait: options.lock_wait(),
        take_over: options.take_over(),
        redactor: &Redactor::new(&Secrets::new()),
    };
    let (operation, digest) = (plan.operation.clone(), plan.digest.clone());
    let hosts = Vec::from_iter(plan.hosts.keys().cloned());
    let mut screen = Screen::new();
    let mut reporting = Reporting::new(&mut screen);
    let apply = |taken| async {
        let begun = Begun {
            taken,
            ..Begun::default()
        };
        let applied = means.apply_or_ask(plan, &approved, begun, &mut reporting);
        applied.await.map(Ended::Applied)
    };
    let ended = wanted.hold_around(options.urgency(), apply).await?;
    if forgetting::is_due(&operation, &ended) {
        means.links.reopen().await;
        let records = Records {
            hosts: forgetting::hosts_of(hosts, &operation, &wanted.host),
            last: Some(digest),
            format: options.format(),
            wanted,
        };
        records.forget().await?;
    }
    Ok(ended.code())
}
