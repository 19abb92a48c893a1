//! What every reporter knows of the plan and of how to show it.

use std::collections::HashMap;
use std::sync::Arc;

use super::tint::{Tone, tint};
use crate::name::{HostName, StepId};
use crate::plan::{Plan, Step};
use crate::text::{Styling, command_line, one_line};

/// How the machine that applies the plan is named.
const LOCAL: &str = "local";

/// What every reporter needs to know.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) plan: Arc<Plan>,
    index: HashMap<StepId, usize>,
    pub(super) resume: Resume,
    pub(super) styling: Styling,
    verbosity: Verbosity,
    pub(super) host_width: usize,
}

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// What happens.
    #[default]
    Normal,
    /// Also the id and the commands of each step when it starts, and its output when it ends.
    Verbose,
}

/// How the run is resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The file to apply again.
    pub plan: String,
    /// The options to repeat, with their values.
    pub options: Vec<String>,
    /// Who plans again if the plan is stale.
    pub planner: Planner,
}

/// Who makes a new plan where the hosts have changed before anything was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planner {
    /// The user.
    #[default]
    User,
    /// The command that made this one.
    Command,
}

impl From<&str> for Resume {
    fn from(plan: &str) -> Self {
        Self {
            plan: plan.to_owned(),
            options: Vec::new(),
            planner: Planner::default(),
        }
    }
}

impl Resume {
    /// Returns the command line, with further `options`.
    pub(super) fn command(&self, options: &[&str]) -> String {
        let words = ["mrsk", "apply"].into_iter().chain(options.iter().copied());
        let own = self.options.iter().map(String::as_str);
        let argv: Vec<&str> = words.chain(own).chain([self.plan.as_str()]).collect();
        command_line(&argv)
    }

    /// Returns the command line with further `options`, in place of a lock host that was named before.
    pub(super) fn with_other_lock_host(&self, options: &[&str]) -> String {
        let mut own = Vec::new();
        let mut given = self.options.iter();
        while let Some(option) = given.next() {
            match option == "--lock-host" {
                true => drop(given.next()),
                false => own.push(option.clone()),
            }
        }
        let other = Self {
            options: own,
            ..self.clone()
        };
        other.command(options)
    }

    /// Returns the command line by which a person says how `step` ended, with the option `finding`.
    pub(super) fn resolve(&self, step: &StepId, finding: &str) -> String {
        let own = self.options.iter().map(String::as_str);
        let own = own.filter(|option| *option != "--keep-going");
        let words = ["mrsk", "resolve", finding, "-m", "REASON"].into_iter();
        let named = [self.plan.as_str(), step.as_str()];
        let argv: Vec<&str> = words.chain(own).chain(named).collect();
        command_line(&argv)
    }
}

impl View {
    /// Returns the view on `plan`, which is resumed as `resume` says.
    pub fn new(
        plan: Arc<Plan>,
        resume: impl Into<Resume>,
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
            .clamp(LOCAL.len(), 40);
        Self {
            plan,
            index,
            resume: resume.into(),
            styling,
            verbosity,
            host_width,
        }
    }

    pub(super) fn step(&self, id: &StepId) -> Option<&Step> {
        self.index.get(id).map(|index| &self.plan.steps[*index])
    }

    /// Returns what a step does, as it is shown beside its host.
    pub(super) fn summary(&self, id: &StepId) -> String {
        one_line(self.step(id).map_or(id.as_str(), |step| &step.summary))
    }

    /// Returns a step as a sentence names it: `` `Pull shop:2` on app1 ``.
    pub(super) fn named(&self, id: &StepId) -> String {
        let summary = self.summary(id);
        match self.step(id).and_then(|step| step.host.as_ref()) {
            Some(host) => format!("`{summary}` on {}", one_line(host.as_str())),
            None => format!("`{summary}`"),
        }
    }

    /// Returns the host of a step as it is shown.
    pub(super) fn host_of(&self, id: &StepId) -> String {
        shown_host(self.step(id).and_then(|step| step.host.as_ref()))
    }

    pub(super) fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    pub(super) fn tint(&self, tone: Tone, text: &str) -> String {
        tint(self.styling, tone, text)
    }
}

/// Returns a host as it is shown; `None` is the machine that applies the plan.
pub(super) fn shown_host(host: Option<&HostName>) -> String {
    host.map_or(LOCAL.to_owned(), |host| one_line(host.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_requires_the_same_approval() {
        let mut resume = Resume::from("p q/plan.json");
        assert_eq!(resume.command(&[]), "mrsk apply 'p q/plan.json'");
        resume.options = ["--expect", "sha256:ab"].map(String::from).to_vec();
        assert_eq!(
            resume.command(&["--keep-going"]),
            "mrsk apply --keep-going --expect sha256:ab 'p q/plan.json'"
        );
        let own = ["--lock-host", "a", "--keep-going"];
        resume.options = own.map(String::from).to_vec();
        assert_eq!(
            resume.with_other_lock_host(&["--lock-host", "b"]),
            "mrsk apply --lock-host b --keep-going 'p q/plan.json'"
        );
    }
}
