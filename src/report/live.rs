//! A terminal: a line for each busy host, with what it runs and for how long; what has ended scrolls above.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::lines::{describe, failure_tail, output, steps};
use super::outcome;
use super::reporter::Reporter;
use super::tally::Tally;
use super::view::View;
use crate::apply::driver::Observer;
use crate::apply::state::{Millis, Outcome, Progress, StepStatus, Summary};
use crate::name::StepId;
use crate::text::{count, duration, one_line};

/// The greatest number of hosts with a line of their own.
const ROWS: usize = 16;

/// The time between two drawings of the elapsed times.
const TICK: Duration = Duration::from_millis(200);

/// Shows what runs now below what has ended. The table and what to do next follow at the end.
///
/// The elapsed times move by themselves, on a thread of their own.
pub struct Live<'a> {
    view: View,
    tally: Tally,
    /// The last line that each running step of this machine has printed.
    last_lines: HashMap<StepId, String>,
    board: Arc<Mutex<Board>>,
    area: ProgressBar,
    out: &'a mut dyn Write,
}

/// What the lower part of the screen shows, shared with the thread that draws it.
#[derive(Debug)]
struct Board {
    /// When each row's step began, and what is shown of it.
    rows: Vec<(Millis, String)>,
    /// Busy hosts that have no row.
    more: usize,
    /// How many steps are done.
    steps: String,
    /// The time of the last event, on the run's clock and on this one.
    last: (Millis, Instant),
    width: u16,
}

impl<'a> Live<'a> {
    /// Returns a reporter that draws on `target`, a terminal of `width` columns, and writes the end to `out`, which is the
    /// same terminal.
    pub fn new(view: View, target: ProgressDrawTarget, width: u16, out: &'a mut dyn Write) -> Self {
        let board = Arc::new(Mutex::new(Board {
            rows: Vec::new(),
            more: 0,
            steps: String::new(),
            last: (Millis::default(), Instant::now()),
            width,
        }));
        let area = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{rows}") {
            let board = Arc::clone(&board);
            let draw = move |_: &ProgressState, out: &mut dyn fmt::Write| {
                let text = lock(&board).text(Instant::now());
                let _ = out.write_str(&text);
            };
            area.set_style(style.with_key("rows", draw));
        }
        area.enable_steady_tick(TICK);
        Self {
            view,
            tally: Tally::default(),
            last_lines: HashMap::new(),
            board,
            area,
            out,
        }
    }

    /// Prints lines above what runs.
    fn print(&self, lines: &[String]) {
        if !lines.is_empty() {
            self.area.println(lines.join("\n"));
        }
    }

    fn refresh(&mut self) {
        let (rows, more) = rows(&self.view, &self.tally, &self.last_lines);
        let mut board = lock(&self.board);
        board.rows = rows;
        board.more = more;
        board.steps = steps(&self.view, &self.tally);
    }
}

impl Reporter for Live<'_> {
    fn replan(&mut self, view: View) {
        self.view = view;
        self.refresh();
    }
}

impl Observer for Live<'_> {
    fn progress(&mut self, at: Millis, event: &Progress) {
        let mut above = describe(&self.view, &mut self.tally, at, event);
        if is_shown_above(&self.view, event) {
            above.extend(failure_tail(&self.view, event));
        } else {
            above.clear();
        }
        if let Progress::StepEnded { step, .. } = event {
            self.last_lines.remove(step);
        }
        lock(&self.board).last = (at, Instant::now());
        self.refresh();
        self.print(&above);
    }

    fn output(&mut self, step: &StepId, line: &str) {
        if self.view.is_verbose() {
            self.print(&output(&self.view, line, usize::MAX));
        } else if !line.trim().is_empty() {
            self.last_lines.insert(step.clone(), one_line(line));
            self.refresh();
        }
    }

    fn finish(&mut self, summary: &Summary, outcome: &Outcome) {
        self.area.finish_and_clear();
        let text = outcome::closing(&self.view, &self.tally, summary, outcome);
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl Board {
    fn text(&self, now: Instant) -> String {
        let passed = now.saturating_duration_since(self.last.1).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let mut lines: Vec<String> = self
            .rows
            .iter()
            .map(|(since, text)| {
                let elapsed = self.last.0.since(*since).saturating_add(passed);
                cut(&format!("{:>8}  {text}", duration(elapsed)), self.width)
            })
            .collect();
        if self.more > 0 {
            let line = format!("          and {}", count(self.more, "more busy host"));
            lines.push(cut(&line, self.width));
        }
        if !lines.is_empty() {
            lines.push(cut(&format!("          {}", self.steps), self.width));
        }
        lines.join("\n")
    }
}

/// Returns what is shared, also after a panic of the thread that draws.
fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether an event has a line above. What starts is shown below, and what was skipped in the table.
fn is_shown_above(view: &View, event: &Progress) -> bool {
    match event {
        Progress::StepStarted { .. } => view.is_verbose(),
        Progress::PollAttempt { .. } => false,
        Progress::StepEnded { status, .. } => {
            let quiet = matches!(status, StepStatus::Skipped { .. } | StepStatus::AlreadyDone);
            !quiet || view.is_verbose()
        }
        _ => true,
    }
}

/// Returns a row for each busy host, of the step there that runs longest, and the number of hosts that have none.
fn rows(
    view: &View,
    tally: &Tally,
    last_lines: &HashMap<StepId, String>,
) -> (Vec<(Millis, String)>, usize) {
    let mut hosts: BTreeMap<String, Vec<(Millis, &StepId)>> = BTreeMap::new();
    for (step, since) in &tally.running {
        let running = hosts.entry(view.host_of(step)).or_default();
        running.push((*since, step));
    }
    let more = hosts.len().saturating_sub(ROWS);
    let rows = hosts.into_iter().take(ROWS).filter_map(|(host, steps)| {
        let (since, step) = steps.iter().min().copied()?;
        let others = match steps.len() {
            1 => String::new(),
            number => format!(" (and {} more)", number - 1),
        };
        let detail = tally.polls.get(step).or_else(|| last_lines.get(step));
        let detail = detail.map_or(String::new(), |text| format!(": {text}"));
        let width = view.host_width;
        Some((
            since,
            format!("{host:<width$}  {}{others}{detail}", view.summary(step)),
        ))
    });
    (rows.collect(), more)
}

/// Returns `row` cut to `width` columns, so that it never wraps.
fn cut(row: &str, width: u16) -> String {
    let width = usize::from(width).saturating_sub(1).max(10);
    match row.chars().count() > width {
        true => row.chars().take(width - 1).chain(['…']).collect(),
        false => row.to_owned(),
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
