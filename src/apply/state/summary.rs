//! What the final table shows.

use std::collections::BTreeMap;

use super::event::Millis;
use super::model::State;
use super::progress::{Outcome, StepStatus};
use super::step::{HostIndex, StepState};
use crate::name::{HostName, StepId};

/// How a run went, host by host and step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// A line for each host; first, if there are local steps, one for this machine.
    pub hosts: Vec<HostSummary>,
    /// The steps, in the plan's order.
    pub steps: Vec<StepSummary>,
}

/// How a run went on one host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostSummary {
    /// The host; absent for this machine.
    pub host: Option<HostName>,
    /// Steps that this run brought to their end.
    pub ran: usize,
    /// Steps that needed nothing.
    pub already_done: usize,
    /// Steps that were not begun, or ended since the run was interrupted.
    pub skipped: usize,
    /// Steps that failed, tolerated or not, or were lost with the host.
    pub failed: usize,
    /// Steps in doubt, or left running.
    pub in_doubt: usize,
    /// Milliseconds from the start of the first step to the end of the last that this run began.
    pub millis: u64,
}

/// From the start of the first step to the end of the last.
type Span = (Millis, Millis);

/// How one step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSummary {
    /// The step.
    pub step: StepId,
    /// Where it stands.
    pub status: StepStatus,
    /// The number of its last attempt; 0 if there was none.
    pub attempt: u32,
    /// When this run began it.
    pub started: Option<Millis>,
    /// When it ended.
    pub ended: Option<Millis>,
}

impl State {
    /// Returns how the run went so far.
    pub fn summary(&self) -> Summary {
        let mut lines: BTreeMap<Option<HostIndex>, (HostSummary, Option<Span>)> = BTreeMap::new();
        for (index, host) in self.hosts.iter_enumerated() {
            let line = HostSummary {
                host: Some(host.name.clone()),
                ..HostSummary::default()
            };
            lines.insert(Some(index), (line, None));
        }
        let mut steps = Vec::with_capacity(self.steps.len());
        for (index, run) in self.steps.iter_enumerated() {
            let status = match &run.state {
                StepState::Ended(status) => status.clone(),
                _ if matches!(self.outcome, Some(Outcome::AlreadyApplied(_))) => {
                    StepStatus::AlreadyDone
                }
                _ => StepStatus::Open,
            };
            let begun = run.tries > 0 || run.started.is_some();
            let attempt = if begun { run.attempt } else { 0 };
            let (line, span) = lines.entry(run.host).or_default();
            count(line, &status, attempt);
            if let (Some(start), Some(end)) = (run.started, run.ended) {
                let (first, last) = span.unwrap_or((start, end));
                *span = Some((first.min(start), last.max(end)));
            }
            steps.push(StepSummary {
                step: self.id(index),
                status,
                attempt,
                started: run.started,
                ended: run.ended,
            });
        }
        let hosts = lines
            .into_values()
            .map(|(line, span)| HostSummary {
                millis: span.map_or(0, |(first, last)| last.since(first)),
                ..line
            })
            .collect();
        Summary { hosts, steps }
    }
}

fn count(line: &mut HostSummary, status: &StepStatus, attempt: u32) {
    match status {
        StepStatus::Succeeded => line.ran += 1,
        StepStatus::AlreadyDone => line.already_done += 1,
        // It was left running.
        StepStatus::Open if attempt > 0 => line.in_doubt += 1,
        StepStatus::Skipped { .. } | StepStatus::Stopped | StepStatus::Open => line.skipped += 1,
        StepStatus::Failed { .. } | StepStatus::Tolerated { .. } | StepStatus::Lost => {
            line.failed += 1;
        }
        StepStatus::InDoubt => line.in_doubt += 1,
    }
}
