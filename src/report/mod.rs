//! Tells people, and programs, how applying a plan goes and how it ended.
//!
//! A [`Reporter`] is handed the events of the run in their order. It writes to a writer that is handed in, decides nothing, and
//! never fails a run: what cannot be written is dropped. There are three: [`Lines`] for a log, [`Live`] for a terminal, [`Json`]
//! for programs.

mod failure;
mod json;
mod lines;
mod live;
mod outcome;
mod output;
mod serving;
mod table;
mod tally;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use crate::apply::state::{Millis, Outcome, Progress, Summary};
use crate::name::{HostName, StepId};
use crate::plan::{Plan, Step};
use crate::text::{Styling, one_line};

pub use json::Json;
pub use lines::Lines;
pub use live::Live;

/// Follows a run.
pub trait Reporter {
    /// Takes what has happened `at` this time. Times never go back.
    fn progress(&mut self, at: Millis, event: &Progress);

    /// Takes a line that a command of this machine printed, without secrets.
    fn output(&mut self, step: &StepId, line: &str);

    /// Takes the end of the run. To be called once, after everything else.
    fn finish(&mut self, summary: &Summary, outcome: &Outcome);
}

/// What every reporter needs to know.
#[derive(Debug, Clone)]
pub struct View {
    plan: Arc<Plan>,
    index: HashMap<StepId, usize>,
    plan_path: String,
    styling: Styling,
    verbosity: Verbosity,
    host_width: usize,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// What happens.
    #[default]
    Normal,
    /// Also each step's commands when it begins, and its output when it ends.
    Verbose,
}

impl View {
    /// Returns the view on `plan`. `plan_path` is where the plan can be applied from again, as the resume line shows it.
    pub fn new(
        plan: Arc<Plan>,
        plan_path: impl Into<String>,
        styling: Styling,
        verbosity: Verbosity,
    ) -> Self {
        let index = plan
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| (step.id.clone(), index))
            .collect();
        let host_width = plan
            .hosts
            .keys()
            .map(|host| host.as_str().chars().count())
            .max()
            .unwrap_or(0)
            .clamp(words::LOCAL.len(), 40);
        Self {
            plan,
            index,
            plan_path: plan_path.into(),
            styling,
            verbosity,
            host_width,
        }
    }

    fn step(&self, id: &StepId) -> Option<&Step> {
        self.index.get(id).map(|index| &self.plan.steps[*index])
    }

    /// Returns the host of a step as it is shown; this machine has a word of its own.
    fn host_of(&self, id: &StepId) -> String {
        shown_host(self.step(id).and_then(|step| step.host.as_ref()))
    }

    fn tint(&self, tone: Tone, text: &str) -> String {
        tint(self.styling, tone, text)
    }

    fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }
}

fn shown_host(host: Option<&HostName>) -> String {
    host.map_or(words::LOCAL.to_owned(), |host| one_line(host.as_str()))
}

/// What a piece of text means, for its color.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Unsure,
    Quiet,
    Strong,
}

/// Returns `text` in the color of `tone`.
fn tint(styling: Styling, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Good => 32,
        Tone::Bad => 31,
        Tone::Unsure => 33,
        Tone::Quiet => 2,
        Tone::Strong => 1,
    };
    match styling {
        Styling::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Styling::Plain => text.to_owned(),
    }
}
