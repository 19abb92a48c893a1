//! The same events as JSON Lines, for programs: see `docs/json-stream.md`.

mod convert;
mod stream;

use std::io::Write;

pub use stream::{FORMAT_VERSION, schema};

use self::convert::{details, exit_status, host_totals, lock_holder, stopping};
use self::stream::StreamEvent;
use super::reporter::Reporter;
use super::tally::Tally;
use super::view::View;
use crate::apply::state::{Millis, Outcome, Progress, StepStatus, Summary};
use crate::name::StepId;

/// Writes an object for each event.
pub struct Json<'a> {
    view: View,
    tally: Tally,
    out: &'a mut dyn Write,
    last: u64,
}

impl<'a> Json<'a> {
    /// Returns a reporter that writes to `out`. The first line, which names the plan, is written at once.
    pub fn new(view: View, out: &'a mut dyn Write) -> Self {
        let plan = view.plan.clone();
        let mut reporter = Self {
            view,
            tally: Tally::default(),
            out,
            last: 0,
        };
        reporter.write(&StreamEvent::Run {
            format_version: FORMAT_VERSION.to_owned(),
            plan: plan.digest.to_string(),
            service: plan.service.clone(),
            destination: plan.operation.destination.clone(),
            version: plan.version.clone(),
            steps: plan.steps.len(),
        });
        reporter
    }

    fn write(&mut self, event: &StreamEvent) {
        if let Ok(line) = serde_json::to_string(event) {
            let _ = writeln!(self.out, "{line}");
            let _ = self.out.flush();
        }
    }

    fn host(&self, step: &StepId) -> Option<String> {
        let host = self.view.step(step)?.host.as_ref()?;
        Some(host.to_string())
    }

    /// Returns the event as it is printed; `None` if it says nothing new.
    fn event(&mut self, event: &Progress, took_ms: Option<u64>) -> Option<StreamEvent> {
        let at_ms = self.last;
        Some(match event {
            Progress::Phase(phase) => StreamEvent::Phase {
                at_ms,
                phase: phase.into(),
            },
            Progress::LockWaiting { holder } if !self.tally.is_new_holder(holder) => return None,
            Progress::LockWaiting { holder } => StreamEvent::LockWaiting {
                at_ms,
                holder: holder.clone(),
            },
            Progress::LockTakenOver { from } => StreamEvent::LockTakenOver {
                at_ms,
                from: lock_holder(from),
            },
            Progress::StepStarted { step, attempt } => StreamEvent::StepStarted {
                at_ms,
                step: step.to_string(),
                host: self.host(step),
                attempt: *attempt,
            },
            Progress::PollAttempt {
                step,
                attempt,
                of,
                status,
            } => StreamEvent::PollAttempt {
                at_ms,
                step: step.to_string(),
                host: self.host(step),
                attempt: *attempt,
                of: *of,
                status: status.clone(),
            },
            Progress::StepRetried {
                step,
                attempt,
                ending,
                diagnosis,
            } => StreamEvent::StepRetried {
                at_ms,
                step: step.to_string(),
                host: self.host(step),
                attempt: *attempt,
                ending: ending.into(),
                exit_status: exit_status(*ending),
                took_ms,
                diagnosis: diagnosis.clone(),
            },
            Progress::StepEnded {
                step,
                status,
                diagnosis,
            } => self.step_ended(step, status, diagnosis, took_ms),
            Progress::HostLost { host, message } => StreamEvent::HostLost {
                at_ms,
                host: host.to_string(),
                message: message.clone(),
            },
            Progress::HostBack { host } => StreamEvent::HostBack {
                at_ms,
                host: host.to_string(),
            },
            Progress::HostGone { host, message } => StreamEvent::HostGone {
                at_ms,
                host: host.to_string(),
                message: message.clone(),
            },
            Progress::Suspended => StreamEvent::Suspended { at_ms },
            Progress::Resumed => StreamEvent::Resumed { at_ms },
            Progress::Stopping(reason) => stopping(at_ms, reason),
        })
    }
}

impl Json<'_> {
    fn step_ended(
        &self,
        step: &StepId,
        status: &StepStatus,
        diagnosis: &str,
        took_ms: Option<u64>,
    ) -> StreamEvent {
        let (ending, reason) = match status {
            StepStatus::Failed { ending } => (Some(*ending), None),
            StepStatus::Tolerated { ending } => (*ending, None),
            StepStatus::Skipped { reason } => (None, Some(reason.into())),
            _ => (None, None),
        };
        StreamEvent::StepEnded {
            at_ms: self.last,
            step: step.to_string(),
            host: self.host(step),
            status: status.into(),
            ending: ending.as_ref().map(Into::into),
            exit_status: ending.and_then(exit_status),
            reason,
            took_ms,
            diagnosis: diagnosis.to_owned(),
        }
    }
}

impl Reporter for Json<'_> {
    fn progress(&mut self, at: Millis, event: &Progress) {
        let took = self.tally.note(at, event);
        self.last = self.tally.elapsed(at);
        if let Some(line) = self.event(event, took) {
            self.write(&line);
        }
    }

    fn output(&mut self, step: &StepId, line: &str) {
        if self.view.is_verbose() {
            let line = StreamEvent::Output {
                at_ms: self.last,
                step: step.to_string(),
                host: self.host(step),
                line: line.to_owned(),
            };
            self.write(&line);
        }
    }

    fn finish(&mut self, summary: &Summary, ended: &Outcome) {
        let open = summary
            .steps
            .iter()
            .filter(|step| step.status == StepStatus::Open)
            .map(|step| step.step.to_string())
            .collect();
        let line = StreamEvent::Finished {
            at_ms: self.last,
            outcome: ended.into(),
            code: ended.exit_code().code(),
            details: Box::new(details(ended)),
            plan_path: self.view.plan_path.clone(),
            hosts: summary.hosts.iter().map(host_totals).collect(),
            open,
        };
        self.write(&line);
    }
}
