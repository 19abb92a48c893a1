//! `mrsk audit`

use super::args::{HostArgs, LinkArgs, ProjectArgs};
use super::exit::Failure;
use super::facts;
use super::project::{self, Values};
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::record::Scope;
use crate::text::one_line;

/// Options of `mrsk audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    link: LinkArgs,
    #[command(flatten)]
    selection: HostArgs,

    /// The last lines of each host
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: usize,
}

/// Prints the audit log of each host.
pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let project = project::load(&args.project, Values::NamesOnly)?;
    let config = &project.config;
    let scope = Scope {
        service: config.service.clone(),
        destination: config.destination.clone(),
    };
    let hosts = project::selected(config, &args.selection)?;
    let links = facts::open(&args.link, project::targets(config))?;
    let mut reading = tokio::task::JoinSet::new();
    for host in hosts {
        let (links, scope) = (links.clone(), scope.clone());
        reading.spawn(async move {
            let answer = async {
                let linked = links.get(&host).await.map_err(|error| error.to_string())?;
                linked
                    .read_audit(&scope)
                    .await
                    .map_err(|error| error.to_string())
            };
            let answer = answer.await;
            (host, answer)
        });
    }
    let mut logs = reading.join_all().await;
    links.close();
    logs.sort_by(|one, other| one.0.cmp(&other.0));
    let mut text = String::new();
    let mut problems = Vec::new();
    for (host, answer) in logs {
        match answer {
            Ok(log) => text += &section(&host, &log, args.lines),
            Err(problem) => problems.push(crate::diagnostic::Diagnostic::error(problem)),
        }
    }
    project::print(&text)?;
    if problems.is_empty() {
        return Ok(ExitCode::Done);
    }
    Err(Failure::of(ExitCode::Unreachable, problems))
}

fn section(host: &HostName, log: &str, most: usize) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let mut text = format!("{host}\n");
    if lines.is_empty() {
        text += "  nothing ran here\n";
    }
    for line in &lines[lines.len().saturating_sub(most)..] {
        text += &format!("  {}\n", one_line(line));
    }
    text
}
