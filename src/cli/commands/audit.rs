//! `mrsk audit`

use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::options::{HostOptions, LinkOptions, ProjectOptions};
use crate::cli::project::Project;
use crate::cli::{connections, operation, output};
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::record::Scope;
use crate::text;

/// Arguments of `mrsk audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    hosts: HostOptions,

    /// Show the last N lines of each host
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: usize,
}

/// Prints the audit log of each host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let execution = Execution::of_environment();
    let project = Project::load(&args.project, &execution)?;
    let config = project.config();
    let scope = Scope {
        service: config.service.clone(),
        destination: config.destination.clone(),
    };
    let hosts = operation::selected_hosts(&args.hosts, config)?;
    let links = connections::to_configured(&args.link, config, &execution)?;
    let (logs, problems) = connections::ask_all(hosts, |host| {
        let (links, scope) = (links.clone(), scope.clone());
        async move { Ok(links.get(&host).await?.read_audit(&scope).await?) }
    })
    .await;
    links.close();
    let shown: String = logs
        .iter()
        .map(|(host, log)| section(host, log, args.lines))
        .collect();
    output::print(&shown)?;
    if problems.is_empty() {
        return Ok(ExitCode::Done);
    }
    Err(Failure::of(ExitCode::Unreachable, problems))
}

fn section(host: &HostName, log: &str, limit: usize) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let mut section = format!("{host}\n");
    if lines.is_empty() {
        section += "  nothing ran here\n";
    }
    for line in &lines[lines.len().saturating_sub(limit)..] {
        section += &format!("  {}\n", text::one_line(line));
    }
    section
}
