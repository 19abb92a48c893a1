//! A line for each event: for logs, pipelines, and everything else that is no terminal.

use std::io::Write;

use super::output::tail;
use super::tally::Tally;
use super::{Reporter, Tone, View, outcome, words};
use crate::action::Action;
use crate::apply::state::{Millis, Outcome, Phase, Progress, StepStatus, Summary};
use crate::name::StepId;

use crate::text::{action_line, duration, one_line};

/// Lines of output that are shown where a step is tried again, or fails on a terminal.
const SHORT_TAIL: usize = 5;
/// Lines of output that are shown at a step's end when more was asked for.
const LONG_TAIL: usize = 40;
/// The column of events that belong to no host.
const RUN: &str = "mrsk";

/// Writes `  12.3s  HOST  STEP  done (1.2s)` for each event, and the table and what to do next at the end.
///
/// Barriers, which run nothing, have a line only where more is asked for.
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

/// Returns the lines that tell of an event, and keeps it in the tally.
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
    let line = |host: &str, text: String| format!("{stamp}  {host:<0$}  {text}", view.host_width);
    match event {
        Progress::StepStarted { step, attempt } => {
            let text = format!("{}  started{}", one_line(step.as_str()), nth(*attempt));
            let mut lines = vec![line(&view.host_of(step), text)];
            lines.extend(commands(view, step));
            lines
        }
        Progress::StepRetried {
            step,
            attempt,
            ending,
            diagnosis,
        } => {
            let how = words::ending(view.step(step), *ending);
            let how = view.tint(Tone::Unsure, &format!("{how}; trying again"));
            let text = format!("{}  attempt {attempt}: {how}", one_line(step.as_str()));
            let mut lines = vec![line(&view.host_of(step), text)];
            lines.extend(output(view, diagnosis, SHORT_TAIL));
            lines
        }
        Progress::StepEnded {
            step,
            status,
            diagnosis,
        } => {
            let barrier = view.step(step).is_some_and(|s| s.kind.is_barrier());
            if barrier && !view.is_verbose() {
                return Vec::new();
            }
            let text = format!(
                "{}  {}{}",
                one_line(step.as_str()),
                view.tint(tone(status), &words::status(view.step(step), status)),
                took.map_or(String::new(), |took| format!(" ({})", duration(took)))
            );
            let mut lines = vec![line(&view.host_of(step), text)];
            if view.is_verbose() {
                lines.extend(output(view, diagnosis, LONG_TAIL));
            }
            lines
        }
        Progress::LockWaiting { holder } if !tally.is_new_holder(holder) => Vec::new(),
        other => {
            let (host, text) = about_run(view, other);
            match text {
                Some(text) => vec![line(&host, text)],
                None => Vec::new(),
            }
        }
    }
}

/// Returns the column and the text of an event that is about no step.
fn about_run(view: &View, event: &Progress) -> (String, Option<String>) {
    let run = |text: String| (RUN.to_owned(), Some(text));
    match event {
        Progress::Phase(Phase::Exited) | Progress::PollAttempt { .. } => (RUN.to_owned(), None),
        Progress::Phase(phase) => run(words::phase(&view.plan, *phase)),
        Progress::LockWaiting { holder } => run(format!(
            "waiting for the deploy lock: {}",
            words::waited_for(holder)
        )),
        Progress::LockTakenOver { from } => run(format!(
            "took the deploy lock over from a run that is dead: {}",
            words::holder(from)
        )),
        Progress::HostLost { host, message } => (
            one_line(host.as_str()),
            Some(format!(
                "{}: {}; trying to reach it again",
                view.tint(Tone::Unsure, "connection lost"),
                one_line(message)
            )),
        ),
        Progress::HostBack { host } => (one_line(host.as_str()), Some("is back".into())),
        Progress::HostGone { host, message } => (
            one_line(host.as_str()),
            Some(format!(
                "{}: {}",
                view.tint(Tone::Bad, "given up"),
                one_line(message)
            )),
        ),
        Progress::Suspended => {
            run("the deploy lock cannot be confirmed; nothing starts until it can".into())
        }
        Progress::Resumed => run("the deploy lock is confirmed again".into()),
        Progress::Stopping(reason) => run(view.tint(Tone::Bad, &words::stop(reason))),
        Progress::StepStarted { .. }
        | Progress::StepRetried { .. }
        | Progress::StepEnded { .. } => (RUN.to_owned(), None),
    }
}

/// Returns a step's parts, where they are asked for.
fn commands(view: &View, step: &StepId) -> Vec<String> {
    let step = view.step(step).filter(|_| view.is_verbose());
    step.into_iter()
        .flat_map(|step| &step.action)
        .map(|action| {
            let prompt = match action {
                Action::Run(_) => "$ ",
                _ => "",
            };
            let line = format!("          {prompt}{}", action_line(action));
            view.tint(Tone::Quiet, &line)
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

fn nth(attempt: u32) -> String {
    match attempt {
        0 | 1 => String::new(),
        attempt => format!(" (attempt {attempt})"),
    }
}

fn tone(status: &StepStatus) -> Tone {
    match status {
        StepStatus::Succeeded => Tone::Good,
        StepStatus::Failed { .. } | StepStatus::Lost => Tone::Bad,
        StepStatus::InDoubt | StepStatus::Tolerated { .. } => Tone::Unsure,
        StepStatus::Open | StepStatus::AlreadyDone | StepStatus::Skipped { .. } => Tone::Quiet,
    }
}
