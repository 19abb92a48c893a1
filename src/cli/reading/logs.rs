//! Logs of containers, host by host, or followed line by line.

use super::section::Section;
use super::{Reading, follow};
use crate::cli::failure::Failure;
use crate::cli::options::HostOptions;
use crate::docker::logs::Logs;
use crate::exit_code::ExitCode;
use crate::transport::request::Commands;

/// Which part of logs is shown.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArgs {
    /// Show what was written since a timestamp (2013-01-02T13:23:37Z), or since so long ago (42m)
    #[arg(short, long, value_name = "TIME")]
    since: Option<String>,

    /// Show the last N lines of each container [default: 100; with --since or --grep: all]
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u32>,

    /// Show only lines that match this pattern of grep
    #[arg(short, long, value_name = "PATTERN")]
    grep: Option<String>,

    /// Follow the logs; of several containers, with the host in front of each line
    #[arg(short, long)]
    pub follow: bool,
}

/// The log of a container, as a section.
pub struct LogOf {
    /// The container.
    pub container: String,
    /// The section, yet without a command.
    pub section: Section,
}

impl LogArgs {
    /// Returns which hosts are meant: to follow, the primary one unless others are named.
    pub fn hosts(&self, mut hosts: HostOptions) -> HostOptions {
        hosts.primary |= self.follow && hosts.hosts.is_empty() && hosts.roles.is_empty();
        hosts
    }

    /// Returns the command, and the pattern, as a section has them.
    fn fill(&self, log: LogOf) -> Section {
        let logs = Logs {
            since: self.since.as_deref(),
            lines: self.lines,
            is_filtered: self.grep.is_some(),
            follows: self.follow,
        };
        let mut section = log.section;
        section.commands = Commands {
            pattern: self.grep.clone(),
            ..Commands::of(logs.of(&log.container))
        };
        if self.follow {
            section.silence = None;
        }
        section
    }
}

impl Reading {
    /// Shows the logs, or follows them.
    pub async fn logs(mut self, logs: Vec<LogOf>, args: &LogArgs) -> Result<ExitCode, Failure> {
        let sections: Vec<Section> = logs.into_iter().map(|log| args.fill(log)).collect();
        match args.follow {
            false => self.show(sections).await?,
            true => {
                if let follow::End::Interrupted = self.follow(sections).await? {
                    return Err(Failure::of(ExitCode::Interrupted, Vec::new()));
                }
            }
        }
        self.finish()
    }
}
