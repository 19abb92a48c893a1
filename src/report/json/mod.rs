//! The same events as JSON Lines, for programs: see `docs/json-stream.md`.

mod details;
mod other_step;
mod stream;

use std::io::Write;

pub use stream::{FORMAT_VERSION, schema};

use self::details::{details, lock_holder};
use self::stream::{At, HostTotals, StepAt, StreamEvent};
use super::reporter::Reporter;
use super::tally::Tally;
use super::view::View;
use super::words;
use crate::apply::driver::Observer;
use crate::apply::state::{
    HostSummary, Millis, Outcome, Progress, StepStatus, StopReason, Summary,
};
use crate::name::StepId;
use crate::record::Ending;
use crate::text::escape_json;

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
        let mut reporter = Self {
            view,
            tally: Tally::default(),
            out,
            last: 0,
        };
        reporter.write_run();
        reporter
    }

    fn write_run(&mut self) {
        let plan = self.view.plan.clone();
        self.write(&StreamEvent::Run {
            format_version: FORMAT_VERSION.to_owned(),
            plan: plan.digest.to_string(),
            service: plan.service.clone(),
            destination: plan.operation.destination.clone(),
            version: plan.version.clone().unwrap_or_default(),
            steps: plan.steps.len(),
        });
    }

    fn write(&mut self, event: &StreamEvent) {
        if let Ok(line) = serde_json::to_string(event) {
            let _ = writeln!(self.out, "{}", escape_json(&line));
            let _ = self.out.flush();
        }
    }

    fn at(&self) -> At {
        At { at_ms: self.last }
    }

    fn step_at(&self, step: &StepId) -> StepAt {
        let found = self.view.step(step);
        StepAt {
            at_ms: self.last,
            step: step.to_string(),
            host: found.and_then(|step| Some(step.host.as_ref()?.to_string())),
        }
    }

    /// Returns the event as it is printed; `None` if it says nothing new.
    fn event(&mut self, event: &Progress, took_ms: Option<u64>) -> Option<StreamEvent> {
        let at = self.at();
        Some(match event {
            Progress::Phase(phase) => StreamEvent::Phase {
                at,
                phase: phase.into(),
            },
            Progress::LockWaiting(holder) if !self.tally.is_new_holder(holder) => return None,
            Progress::LockWaiting(holder) => StreamEvent::LockWaiting {
                at,
                holder: holder.clone(),
            },
            Progress::LockTakenOver(from, open) => StreamEvent::LockTakenOver {
                at,
                from: lock_holder(from),
                open_steps: open.iter().map(Into::into).collect(),
            },
            Progress::OtherStep(step, fate) => StreamEvent::OtherStep {
                at,
                step: step.into(),
                fate: fate.into(),
            },
            Progress::StepStarted(step, attempt) => StreamEvent::StepStarted {
                at: self.step_at(step),
                attempt: *attempt,
            },
            Progress::PollAttempt(step, poll) => StreamEvent::PollAttempt {
                at: self.step_at(step),
                attempt: poll.attempt,
                of: poll.of,
                status: poll.status.clone(),
            },
            Progress::StepRetried {
                step,
                attempt,
                ending,
                diagnosis,
            } => StreamEvent::StepRetried {
                at: self.step_at(step),
                attempt: *attempt,
                ending: ending.into(),
                exit_status: exit_status(*ending),
                took_ms,
                diagnosis: diagnosis.clone(),
            },
            Progress::StepEnded {
                step,
                status,
                answer,
                diagnosis,
            } => self.step_ended((step, status), [answer, diagnosis], took_ms),
            Progress::HostLost(host, message) => StreamEvent::HostLost {
                at,
                host: host.to_string(),
                message: message.clone(),
            },
            Progress::HostBack(host) => StreamEvent::HostBack {
                at,
                host: host.to_string(),
            },
            Progress::HostGone(host, reason, message) => StreamEvent::HostGone {
                at,
                host: host.to_string(),
                reason: reason.into(),
                message: message.clone(),
            },
            Progress::Suspended => StreamEvent::Suspended { at },
            Progress::Resumed => StreamEvent::Resumed { at },
            Progress::Stopping(reason) => stopping(at, reason),
            Progress::LockLeft => StreamEvent::LockLeft { at },
        })
    }
}

impl Reporter for Json<'_> {
    fn replan(&mut self, view: View) {
        let is_other = self.view.plan.digest != view.plan.digest;
        self.view = view;
        if is_other {
            self.write_run();
        }
    }
}

impl Json<'_> {
    fn step_ended(
        &self,
        (step, status): (&StepId, &StepStatus),
        [answer, diagnosis]: [&str; 2],
        took_ms: Option<u64>,
    ) -> StreamEvent {
        let (ending, reason) = match status {
            StepStatus::Failed { ending } => (Some(*ending), None),
            StepStatus::Tolerated { ending } => (*ending, None),
            StepStatus::Skipped { reason } => (None, Some(reason.into())),
            _ => (None, None),
        };
        StreamEvent::StepEnded {
            at: self.step_at(step),
            status: status.into(),
            ending: ending.as_ref().map(Into::into),
            exit_status: ending.and_then(exit_status),
            reason,
            took_ms,
            answer: answer.to_owned(),
            diagnosis: diagnosis.to_owned(),
        }
    }
}

impl Observer for Json<'_> {
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
                at: self.step_at(step),
                line: line.trim_end_matches('\n').to_owned(),
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
            at: self.at(),
            outcome: ended.into(),
            code: ended.exit_code().code(),
            details: Box::new(details(ended)),
            plan_path: self.view.resume.plan.clone(),
            hosts: summary.hosts.iter().map(host_totals).collect(),
            open,
        };
        self.write(&line);
    }
}

fn exit_status(ending: Ending) -> Option<i32> {
    match ending {
        Ending::Failed { code } | Ending::Uncleaned { code } => Some(code),
        _ => None,
    }
}

fn stopping(at: At, reason: &StopReason) -> StreamEvent {
    let (mut step, mut host, mut message) = (None, None, None);
    match reason {
        StopReason::Failure(failed) => step = Some(failed.to_string()),
        StopReason::HostGone(gone) => host = Some(gone.to_string()),
        StopReason::JournalFailed(text) | StopReason::LockReleased(text) => {
            message = Some(text.clone());
        }
        StopReason::Requested(request) => message = Some(words::stop_request(request)),
        StopReason::Interrupted | StopReason::LockHostGone | StopReason::LockLost => {}
    }
    StreamEvent::Stopping {
        at,
        reason: reason.into(),
        step,
        host,
        message,
    }
}

fn host_totals(line: &HostSummary) -> HostTotals {
    HostTotals {
        host: line.host.as_ref().map(ToString::to_string),
        ran: line.ran,
        already_done: line.already_done,
        skipped: line.skipped,
        failed: line.failed,
        in_doubt: line.in_doubt,
        took_ms: line.millis,
    }
}
