//! The same events as JSON Lines, for programs.
//!
//! Each line is an object with `event` and, but for the first, `at_ms` (milliseconds on the runner's clock since the first
//! event). The first is `run` with `format_version` and the plan's digest, the last `finished` with outcome and exit code.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::tally::Tally;
use super::{Reporter, View};
use crate::apply::state::{Millis, Outcome, Phase, Progress, StepStatus, StopReason, Summary};
use crate::name::StepId;
use crate::record::LockDetails;

/// The version of the lines' format.
const FORMAT_VERSION: &str = "1.0";

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
        let plan = &reporter.view.plan;
        let head = json!({
            "event": "run",
            "format_version": FORMAT_VERSION,
            "plan": plan.digest,
            "service": plan.service,
            "version": plan.version,
        });
        reporter.write(&head);
        reporter
    }

    fn write(&mut self, value: &Value) {
        let _ = writeln!(self.out, "{value}");
        let _ = self.out.flush();
    }

    fn stamped(&self, event: &str, fields: Value) -> Value {
        let mut object = Map::new();
        object.insert("event".into(), event.into());
        object.insert("at_ms".into(), self.last.into());
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        Value::Object(object)
    }

    fn step_fields(&self, step: &StepId, fields: Value) -> Value {
        let mut object = Map::new();
        object.insert("step".into(), json!(step));
        let host = self.view.step(step).and_then(|step| step.host.as_ref());
        object.insert("host".into(), json!(host));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        Value::Object(object)
    }
}

impl Reporter for Json<'_> {
    fn progress(&mut self, at: Millis, event: &Progress) {
        let took = self.tally.note(at, event);
        self.last = self.tally.elapsed(at);
        let (name, fields) = match event {
            Progress::Phase(phase) => ("phase", json!({"phase": phase_name(*phase)})),
            Progress::LockWaiting { holder } => {
                if !self.tally.is_new_holder(holder) {
                    return;
                }
                ("lock_waiting", json!({"holder": holder}))
            }
            Progress::LockTakenOver { from } => ("lock_taken_over", json!({"from": lock(from)})),
            Progress::StepStarted { step, attempt } => (
                "step_started",
                self.step_fields(step, json!({"attempt": attempt})),
            ),
            Progress::PollAttempt {
                step,
                attempt,
                of,
                status,
            } => {
                let fields = json!({"attempt": attempt, "of": of, "status": status});
                ("poll_attempt", self.step_fields(step, fields))
            }
            Progress::StepRetried {
                step,
                attempt,
                ending,
                diagnosis,
            } => {
                let fields = json!({"attempt": attempt, "ending": ending, "took_ms": took, "diagnosis": diagnosis});
                ("step_retried", self.step_fields(step, fields))
            }
            Progress::StepEnded {
                step,
                status,
                diagnosis,
            } => {
                let mut fields = json!(status);
                fields["took_ms"] = json!(took);
                fields["diagnosis"] = json!(diagnosis);
                ("step_ended", self.step_fields(step, fields))
            }
            Progress::HostLost { host, message } => {
                ("host_lost", json!({"host": host, "message": message}))
            }
            Progress::HostBack { host } => ("host_back", json!({"host": host})),
            Progress::HostGone { host, message } => {
                ("host_gone", json!({"host": host, "message": message}))
            }
            Progress::Suspended => ("suspended", json!({})),
            Progress::Resumed => ("resumed", json!({})),
            Progress::Stopping(reason) => ("stopping", stop(reason)),
        };
        let line = self.stamped(name, fields);
        self.write(&line);
    }

    fn output(&mut self, step: &StepId, line: &str) {
        if self.view.is_verbose() {
            let line = self.stamped("output", self.step_fields(step, json!({"line": line})));
            self.write(&line);
        }
    }

    fn finish(&mut self, summary: &Summary, outcome: &Outcome) {
        let (name, mut fields) = ending(outcome);
        fields["outcome"] = name.into();
        fields["code"] = outcome.exit_code().code().into();
        fields["plan_path"] = self.view.plan_path.as_str().into();
        fields["summary"] = totals(summary);
        let line = self.stamped("finished", fields);
        self.write(&line);
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Locking => "locking",
        Phase::Inspecting => "inspecting",
        Phase::Fencing => "fencing",
        Phase::Judging => "judging",
        Phase::Walking => "walking",
        Phase::Finishing => "finishing",
        Phase::Releasing => "releasing",
        Phase::Exited => "exited",
    }
}

fn lock(details: &LockDetails) -> Value {
    json!({
        "locked_by": details.locked_by,
        "at": details.at,
        "version": details.version,
        "message": details.message,
        "run": details.run,
        "plan": details.plan,
    })
}

fn stop(reason: &StopReason) -> Value {
    match reason {
        StopReason::Failure { step } => json!({"reason": "failure", "step": step}),
        StopReason::HostGone { host } => json!({"reason": "host_gone", "host": host}),
        StopReason::JournalFailed { message } => {
            json!({"reason": "journal_failed", "message": message})
        }
        StopReason::Interrupted => json!({"reason": "interrupted"}),
        StopReason::LockHostGone => json!({"reason": "lock_host_gone"}),
        StopReason::LockLost => json!({"reason": "lock_lost"}),
    }
}

fn ending(outcome: &Outcome) -> (&'static str, Value) {
    match outcome {
        Outcome::Done => ("done", json!({})),
        Outcome::AlreadyApplied => ("already_applied", json!({})),
        Outcome::Failed { steps } => ("failed", json!({"steps": steps})),
        Outcome::Stale {
            host,
            fact,
            then,
            now,
        } => {
            let fields = json!({"host": host, "fact": fact, "then": then, "now": now});
            ("stale", fields)
        }
        Outcome::Superseded { host, plan } => ("superseded", json!({"host": host, "by": plan})),
        Outcome::LockHeld { details, beat_age } => {
            let fields = json!({"holder": lock(details), "beat_age_seconds": beat_age});
            ("lock_held", fields)
        }
        Outcome::LockForeign { text } => ("lock_foreign", json!({"holder": text})),
        Outcome::InDoubt { steps } => ("in_doubt", json!({"steps": steps})),
        Outcome::Unreachable { hosts } => {
            let hosts: Vec<Value> = hosts
                .iter()
                .map(|(host, message)| json!({"host": host, "message": message}))
                .collect();
            ("unreachable", json!({"hosts": hosts}))
        }
        Outcome::Interrupted { in_doubt } => ("interrupted", json!({"in_doubt": in_doubt})),
        Outcome::JournalFailed { message } => ("journal_failed", json!({"message": message})),
        Outcome::LockLost => ("lock_lost", json!({})),
    }
}

fn totals(summary: &Summary) -> Value {
    let hosts: Vec<Value> = summary
        .hosts
        .iter()
        .map(|line| {
            json!({
                "host": line.host,
                "ran": line.ran,
                "already_done": line.already_done,
                "skipped": line.skipped,
                "failed": line.failed,
                "in_doubt": line.in_doubt,
                "took_ms": line.millis,
            })
        })
        .collect();
    let open: Vec<&StepId> = summary
        .steps
        .iter()
        .filter(|step| step.status == StepStatus::Open)
        .map(|step| &step.step)
        .collect();
    json!({"hosts": hosts, "open": open})
}
