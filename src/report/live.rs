//! A terminal: a line for each host that is at work, with what it runs and for how long; what has ended scrolls above.

use std::collections::BTreeMap;
use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::{describe, failure_tail};
use super::tally::Tally;
use super::text::{duration, one_line};
use super::{Reporter, Tone, View, outcome};
use crate::apply::state::{Millis, Outcome, Progress, StepStatus, Summary};
use crate::name::StepId;

/// The greatest number of hosts with a line of their own.
const ROWS: usize = 16;

/// Shows what runs now below what has ended. The table and what to do next follow at the end.
pub struct Live<'a> {
    view: View,
    tally: Tally,
    area: ProgressBar,
    width: u16,
    out: &'a mut dyn Write,
}

impl<'a> Live<'a> {
    /// Returns a reporter that draws on `target`, a terminal of `width` columns, and writes the end to `out`, which is the
    /// same terminal.
    pub fn new(view: View, target: ProgressDrawTarget, width: u16, out: &'a mut dyn Write) -> Self {
        let area = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            area.set_style(style);
        }
        Self {
            view,
            tally: Tally::default(),
            area,
            width,
            out,
        }
    }
}

impl Reporter for Live<'_> {
    fn progress(&mut self, at: Millis, event: &Progress) {
        let lines = describe(&self.view, &mut self.tally, at, event);
        if is_shown_above(&self.view, event) {
            for line in lines {
                self.area.println(line);
            }
            for line in failure_tail(&self.view, event) {
                self.area.println(line);
            }
        }
        self.tick(at);
    }

    fn tick(&mut self, at: Millis) {
        let rows = rows(&self.view, &self.tally, at, self.width);
        self.area.set_message(rows.join("\n"));
    }

    fn finish(&mut self, summary: &Summary, outcome: &Outcome) {
        self.area.finish_and_clear();
        let text = outcome::closing(&self.view, &self.tally, summary, outcome);
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

/// Returns whether an event has a line above. The begin of a step is seen below, and what was not begun in the table.
fn is_shown_above(view: &View, event: &Progress) -> bool {
    match event {
        Progress::StepStarted { .. } => view.is_verbose(),
        Progress::StepEnded { status, .. } => {
            let quiet = matches!(status, StepStatus::Skipped { .. } | StepStatus::AlreadyDone);
            !quiet || view.is_verbose()
        }
        _ => true,
    }
}

/// Returns a row for each host at work: its steps, the one that runs longest first, and since when.
fn rows(view: &View, tally: &Tally, at: Millis, width: u16) -> Vec<String> {
    let mut hosts: BTreeMap<String, Vec<(Millis, &StepId)>> = BTreeMap::new();
    for (step, since) in &tally.running {
        hosts
            .entry(view.host_of(step))
            .or_default()
            .push((*since, step));
    }
    let more = hosts.len().saturating_sub(ROWS);
    let mut rows: Vec<String> = Vec::new();
    for (host, mut steps) in hosts.into_iter().take(ROWS) {
        steps.sort();
        let Some((since, step)) = steps.first().copied() else {
            continue;
        };
        let what = view
            .step(step)
            .map_or(step.as_str(), |s| s.summary.as_str());
        let others = match steps.len() {
            1 => String::new(),
            number => format!(" (and {} more)", number - 1),
        };
        let row = format!(
            "{:>7}  {host:<2$}  {}{others}",
            duration(at.since(since)),
            one_line(what),
            view.host_width
        );
        rows.push(cut(&row, width));
    }
    if more > 0 {
        let row = cut(&format!("         and {more} more hosts at work"), width);
        rows.push(view.paint.tint(Tone::Quiet, &row));
    }
    rows
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
