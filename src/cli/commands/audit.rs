//! `mrsk audit`

use std::collections::HashSet;

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

/// Prints the audit log of each host, and what it does not say yet: that of a run that was killed.
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
        async move { Ok(links.get(&host).await?.read_audit(&scope, None).await?) }
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
    let problems = problems.into_values().collect();
    Err(Failure::of(ExitCode::Unreachable, problems))
}

fn section(host: &HostName, log: &str, limit: usize) -> String {
    let lines = in_order(log);
    let mut section = format!("{host}\n");
    if lines.is_empty() {
        section += "  nothing ran here\n";
    }
    for line in &lines[lines.len().saturating_sub(limit)..] {
        section += &format!("  {}\n", text::one_line(line));
    }
    section
}

/// Returns the lines in the order of their times, each once. One without a time stays behind the one before it.
fn in_order(log: &str) -> Vec<&str> {
    let mut seen = HashSet::new();
    let mut last = "";
    let mut lines = Vec::new();
    for line in log.lines() {
        match time(line) {
            Some(_) if !seen.insert(line) => continue,
            Some(at) => last = at,
            None => {}
        }
        lines.push((last, line));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Returns the time of a line, whose text sorts as the time does.
fn time(line: &str) -> Option<&str> {
    let (time, _) = line.strip_prefix('[')?.split_once(']')?;
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    (shape == "0000-00-00T00:00:00Z").then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_once_in_the_order_of_their_times() {
        let log = "[2026-01-01T00:00:02Z] b\ntorn\n[2026-01-01T00:00:02Z] a\n[2026-01-01T00:00:01Z] c\n[2026-01-01T00:00:02Z] b\n";
        let expected =
            "[2026-01-01T00:00:01Z] c\n[2026-01-01T00:00:02Z] b\ntorn\n[2026-01-01T00:00:02Z] a";
        assert_eq!(in_order(log).join("\n"), expected);
    }
}
