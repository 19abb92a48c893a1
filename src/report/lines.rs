//! A line for each event: for logs, pipelines, and everything else that is not a terminal.

use std::io::Write;

use super::output::tail;
use super::reporter::Reporter;
use super::tally::{Tally, is_done};
use super::tint::Tone;
use super::view::View;
use super::words;
use super::{other_step, outcome};
use crate::action::Action;
use crate::apply::driver::Observer;
use crate::apply::state::{GoneReason, Millis, Outcome, Progress, StepStatus, Summary};
use crate::name::{HostName, StepId};
use crate::record::Ending;
use crate::text::{action_line, duration, one_line, shorten};

/// Lines of output that are shown if a step is retried, or fails on a terminal.
const SHORT_TAIL: usize = 5;
/// Lines of output that are shown at a step's end with `--verbose`.
const LONG_TAIL: usize = 40;
/// The column of events that belong to no host.
const RUN: &str = "mrsk";

/// Writes `  12.3s  HOST  SUMMARY … done 1.2s (steps 3/22)` for each event, and the table and what to do next at the end.
pub struct Lines<'a> {
    view: View,
    tally: Tally,
    out: &'a mut dyn Write,
}

impl<'a> Lines<'a> {
    /// Returns a reporter that writes to `out`.
    pub fn new(view: View, out: &'a mut dyn Write) -> Self {
        Self {
            view,
            tally: Tally::default(),
            out,
        }
    }
}

impl Reporter for Lines<'_> {
    fn replan(&mut self, view: View) {
        self.view = view;
    }
}

impl Observer for Lines<'_> {
    fn progress(&mut self, at: Millis, event: &Progress) {
        for line in describe(&self.view, &mut self.tally, at, event) {
            let _ = writeln!(self.out, "{line}");
        }
        let _ = self.out.flush();
    }

    fn output(&mut self, _step: &StepId, line: &str) {
        if self.view.is_verbose() {
            for line in output(&self.view, line, LONG_TAIL) {
                let _ = writeln!(self.out, "{line}");
            }
        }
    }

    fn finish(&mut self, summary: &Summary, outcome: &Outcome) {
        let text = outcome::closing(&self.view, &self.tally, summary, outcome);
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

/// Returns the lines that show an event, and keeps it in the tally.
pub(super) fn describe(
    view: &View,
    tally: &mut Tally,
    at: Millis,
    event: &Progress,
) -> Vec<String> {
    let took = tally.note(at, event);
    let time = tally.elapsed(at);
    let stamp = format!("{:>5}.{}s", time / 1000, time % 1000 / 100);
    let stamp = view.tint(Tone::Quiet, &stamp);
    let line = |host: &str, text: &str| format!("{stamp}  {host:<0$}  {text}", view.host_width);
    let run = |text: &str| vec![line(RUN, text)];
    let of = |host: &HostName, text: &str| vec![line(&one_line(host.as_str()), text)];
    match event {
        Progress::Phase(phase) => words::phase(&view.plan, *phase)
            .map(|text| line(RUN, &text))
            .into_iter()
            .collect(),
        Progress::LockWaiting(holder) if !tally.is_new_holder(holder) => Vec::new(),
        Progress::LockWaiting(holder) => run(&format!(
            "waiting for the deploy lock: {}",
            words::waited_for(holder)
        )),
        Progress::LockTakenOver(from, open) => {
            let text = format!(
                "took over the deploy lock of a dead run: {}",
                words::holder(from)
            );
            let open = open.iter();
            let open = open.map(|step| of(&step.host, &other_step::open(step)));
            let lines = [run(&text)].into_iter().chain(open);
            lines.flatten().collect()
        }
        Progress::OtherStep(step, fate) => of(&step.host, &other_step::fate(step, *fate)),
        Progress::StepStarted(step, attempt) => {
            let mut lines = vec![line(&view.host_of(step), &started(view, step, *attempt))];
            lines.extend(commands(view, step));
            lines
        }
        Progress::PollAttempt(step, _) => tally
            .poll_line(step, at)
            .map(|poll| {
                line(
                    &view.host_of(step),
                    &format!("{} … {poll}", view.summary(step)),
                )
            })
            .into_iter()
            .collect(),
        Progress::StepRetried {
            step,
            attempt,
            ending,
            diagnosis,
        } => {
            let text = retried(view, step, (*attempt, *ending));
            let mut lines = vec![line(&view.host_of(step), &text)];
            lines.extend(output(view, diagnosis, SHORT_TAIL));
            lines
        }
        Progress::StepEnded {
            step,
            status,
            answer,
            diagnosis,
        } => {
            let text = ended(view, tally, step, (status, answer), took);
            let mut lines = vec![line(&view.host_of(step), &text)];
            if view.is_verbose() {
                lines.extend(output(view, diagnosis, LONG_TAIL));
            }
            lines
        }
        Progress::HostLost(host, message) => of(host, &lost(view, message)),
        Progress::HostBack(host) => of(host, "reconnected"),
        Progress::HostGone(host, reason, message) => of(host, &gone(view, *reason, message)),
        Progress::Suspended => {
            run("cannot confirm the deploy lock; no step starts until it is confirmed")
        }
        Progress::Resumed => run("deploy lock confirmed again"),
        Progress::Stopping(reason) => run(&view.tint(Tone::Bad, &words::stop(view, reason))),
        Progress::LockLeft => {
            run("the deploy lock stays: nothing is deployed until `mrsk lock release`")
        }
    }
}

fn gone(view: &View, reason: GoneReason, message: &str) -> String {
    let gone = format!("{}, giving up", words::gone(reason));
    format!("{}: {}", view.tint(Tone::Bad, &gone), one_line(message))
}

fn retried(view: &View, step: &StepId, (attempt, ending): (u32, Ending)) -> String {
    let how = words::ending(view.step(step), ending);
    let how = format!("attempt {attempt} failed: {how}; retrying");
    format!("{} … {}", view.summary(step), view.tint(Tone::Unsure, &how))
}

fn lost(view: &View, message: &str) -> String {
    let lost = view.tint(Tone::Unsure, "connection lost");
    format!("{lost}: {}; reconnecting", one_line(message))
}

fn started(view: &View, step: &StepId, attempt: u32) -> String {
    let mut text = format!("{} …", view.summary(step));
    if attempt > 1 {
        text += &format!(" (attempt {attempt})");
    }
    if view.is_verbose() {
        text += &view.tint(Tone::Quiet, &format!(" [{}]", one_line(step.as_str())));
    }
    text
}

fn ended(
    view: &View,
    tally: &Tally,
    step: &StepId,
    (status, answer): (&StepStatus, &str),
    took: Option<u64>,
) -> String {
    let took = match (took, status) {
        (None, _) => String::new(),
        (Some(took), StepStatus::Succeeded) => format!(" {}", duration(took)),
        (Some(took), _) => format!(", after {}", duration(took)),
    };
    let words = words::status(view.step(step), status);
    let answer = match answer {
        "" => String::new(),
        answer => format!(": {}", one_line(answer)),
    };
    let count = match is_done(status) {
        true => format!(" ({})", steps(view, tally)),
        false => String::new(),
    };
    format!(
        "{} … {}{took}{answer}{}",
        view.summary(step),
        view.tint(tone(status), &words),
        view.tint(Tone::Quiet, &count)
    )
}

/// Returns how many of the plan's steps are done: `steps 12/22`.
pub(super) fn steps(view: &View, tally: &Tally) -> String {
    format!("steps {}/{}", tally.done.len(), view.plan.steps.len())
}

/// Returns a step's actions, if `--verbose` asks for them.
fn commands(view: &View, step: &StepId) -> Vec<String> {
    let step = view.step(step).filter(|_| view.is_verbose());
    step.into_iter()
        .flat_map(|step| &step.action)
        .map(|action| {
            let line = match action {
                Action::Run(_) => format!("$ {}", action_line(action)),
                _ => shorten(&action_line(action)),
            };
            view.tint(Tone::Quiet, &format!("          {line}"))
        })
        .collect()
}

/// Returns the end of some output, indented.
pub(super) fn output(view: &View, text: &str, limit: usize) -> Vec<String> {
    tail(text, limit)
        .into_iter()
        .map(|line| view.tint(Tone::Quiet, &format!("          | {line}")))
        .collect()
}

/// Returns the end of a failed step's output as a terminal shows it above the running ones.
pub(super) fn failure_tail(view: &View, event: &Progress) -> Vec<String> {
    match event {
        Progress::StepEnded {
            status: StepStatus::Failed { .. } | StepStatus::Tolerated { .. },
            diagnosis,
            ..
        } if !view.is_verbose() => output(view, diagnosis, SHORT_TAIL),
        _ => Vec::new(),
    }
}

fn tone(status: &StepStatus) -> Tone {
    match status {
        StepStatus::Succeeded => Tone::Good,
        StepStatus::Failed { .. } | StepStatus::Lost => Tone::Bad,
        StepStatus::InDoubt | StepStatus::Tolerated { .. } => Tone::Unsure,
        StepStatus::Open
        | StepStatus::AlreadyDone
        | StepStatus::Skipped { .. }
        | StepStatus::Stopped => Tone::Quiet,
    }
}
