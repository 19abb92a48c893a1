//! `mrsk audit`

use crate::cli::audit::{self, Moment, Run};
use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::options::{HostOptions, LinkOptions, ProjectOptions};
use crate::cli::project::Project;
use crate::cli::{connections, operation, output, terminal};
use crate::exit_code::ExitCode;
use crate::record::Scope;

/// Runs that are shown if nothing else is said.
const RUNS: usize = 20;

/// Arguments of `mrsk audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    hosts: HostOptions,

    /// Show the last N runs [default: 20; with --since or --failed: all]
    #[arg(short = 'n', long = "runs", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,

    /// Show runs since a timestamp (2013-01-02T13:23:37Z), a date, or since so long ago (42m)
    #[arg(short, long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,

    /// Show only runs with a step that failed or is in doubt
    #[arg(long)]
    failed: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints what the audit log of each host says, by run, and what it does not say yet: that of a run that was killed.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let execution = Execution::of_environment();
    let project = Project::load(&args.project, &execution)?;
    let config = project.config();
    let scope = Scope {
        service: config.service.clone(),
        destination: config.destination.clone(),
    };
    let hosts = operation::selected_hosts(&args.hosts, config)?;
    let links = connections::to_configured(&args.link, &project, &execution)?;
    let redactor = project.redactor(&args.project, &execution);
    let (mut logs, problems) = connections::ask_all(hosts, |host| {
        let (links, scope) = (links.clone(), scope.clone());
        async move { Ok(links.get(&host).await?.read_audit(&scope, None).await?) }
    })
    .await;
    links.close();
    for log in logs.values_mut() {
        *log = redactor.redact(log);
    }
    let runs = selected(audit::runs(&logs), &args);
    match args.json {
        true => output::print_json(&audit::to_json(&runs).map_err(Failure::internal)?)?,
        false if logs.is_empty() => ExitCode::Done,
        false if runs.is_empty() => output::print(nothing(&args))?,
        false => {
            let styling = terminal::look(&std::io::stdout()).styling;
            output::print(&audit::to_text(&runs, styling))?
        }
    };
    if problems.is_empty() {
        return Ok(ExitCode::Done);
    }
    Err(problems.failure())
}

fn selected(mut runs: Vec<Run>, args: &Args) -> Vec<Run> {
    if let Some(since) = &args.since {
        runs.retain(|run| run.until() >= since.text());
    }
    if args.failed {
        runs.retain(Run::is_bad);
    }
    let is_limited = args.since.is_none() && !args.failed;
    let given = args.runs.and_then(|runs| usize::try_from(runs).ok());
    if let Some(limit) = given.or(is_limited.then_some(RUNS)) {
        runs.drain(..runs.len().saturating_sub(limit));
    }
    runs
}

fn nothing(args: &Args) -> &'static str {
    match (&args.since, args.failed) {
        (None, false) => "nothing ran\n",
        (Some(_), false) => "nothing ran since then\n",
        (_, true) => "no step failed or is in doubt\n",
    }
}
