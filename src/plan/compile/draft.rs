//! A plan in the making: what the passes read, and what they add to.

use std::collections::BTreeMap;

use super::placement::Placement;
use crate::action::{Action, Run, Write};
use crate::config::model::{Config, Host};
use crate::diagnostic::Diagnostic;
use crate::facts::model::{Facts, HostFacts, Privilege};
use crate::name::{HostName, Sha256Hex, StepId};
use crate::plan::kinds::StepKind;
use crate::plan::model::{Reliance, Step, Unchanged};
use crate::plan::operation::Operation;
use crate::plan::predicate::Predicate;
use crate::traefik::LabelError;

/// A plan in the making.
pub(super) struct Draft<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What is known of the world.
    pub facts: &'a Facts,
    /// What was asked for.
    pub operation: &'a Operation,
    /// The version that is deployed; empty if none is.
    pub version: &'a str,
    /// Registry digest of the image that every host must get, if it is known.
    pub image_digest: Option<&'a str>,
    /// The selected hosts, in the order of the configuration.
    pub hosts: Vec<HostView<'a>>,
    /// The selected roles on their selected hosts, in the order in which they start.
    pub placements: Vec<Placement<'a>>,
    /// The steps so far; added to by [`Draft::add`] only.
    pub steps: Vec<Step>,
    /// Positions in [`Draft::steps`] by where they run, so that no pass looks through the steps of other hosts.
    pub places: BTreeMap<Option<HostName>, Vec<usize>>,
    /// What hosts rely on, so far.
    pub relies_on: BTreeMap<HostName, Vec<Reliance>>,
    /// What needs nothing, so far.
    pub unchanged: Vec<Unchanged>,
    /// What a reviewer should know, so far.
    pub warnings: Vec<String>,
    /// Texts of files, so far.
    pub contents: BTreeMap<Sha256Hex, String>,
    /// Why no plan can be made, so far.
    pub errors: Vec<Diagnostic>,
}

/// A selected host and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct HostView<'a> {
    /// Its entry in the configuration.
    pub host: &'a Host,
    /// What it answered.
    pub facts: &'a HostFacts,
    /// Whether a container is to be started there.
    pub changes: bool,
    /// Whether it has a role that Traefik routes to.
    pub traefik: bool,
}

impl<'a> HostView<'a> {
    /// Returns the host's name.
    pub fn name(&self) -> &'a HostName {
        &self.host.name
    }

    /// Returns a command that needs root, as this host's user runs it.
    pub fn as_root(&self, argv: &[&str]) -> Action {
        let sudo: &[&str] = match self.facts.privilege {
            Privilege::Root => &[],
            Privilege::Sudo | Privilege::None => &["sudo", "-n"],
        };
        Action::Run(Run::literal(sudo.iter().chain(argv).copied()))
    }
}

impl Draft<'_> {
    /// Returns the image that is deployed as people name it: without the registry's server.
    pub fn image_name(&self) -> String {
        format!("{}:{}", self.config.image, self.version)
    }

    /// Adds a step and returns its id.
    pub fn add(&mut self, step: Step) -> StepId {
        let id = step.id.clone();
        let place = self.places.entry(step.host.clone()).or_default();
        place.push(self.steps.len());
        self.steps.push(step);
        id
    }

    /// Notes that `subject` on `host` was looked at and needs nothing.
    pub fn unchanged(&mut self, host: Option<&HostName>, subject: &str, reason: impl Into<String>) {
        self.unchanged.push(Unchanged {
            host: host.cloned(),
            subject: subject.to_owned(),
            reason: reason.into(),
        });
    }

    /// Notes that `steps` rely on `predicate` on `host`.
    pub fn rely(&mut self, host: &HostName, predicate: Predicate, steps: Vec<StepId>) {
        if !steps.is_empty() {
            self.relies_on
                .entry(host.clone())
                .or_default()
                .push(Reliance::new(predicate, steps));
        }
    }

    /// Notes that Traefik would not take these labels or arguments, each once.
    pub fn refuse_labels(&mut self, kind: &str, errors: Vec<LabelError>) {
        for error in errors {
            let mut diagnostic =
                Diagnostic::error(format!("{kind} `{}`: {}", error.label, error.message));
            diagnostic.help = error.help;
            diagnostic.about = Some(error.label.into());
            if !self.errors.contains(&diagnostic) {
                self.errors.push(diagnostic);
            }
        }
    }

    /// Notes that `host` lacks what a deploy would give it, and this operation does not.
    pub fn refuse_unprepared(&mut self, host: &HostView, what: &str) {
        self.errors.push(
            Diagnostic::error(format!("host {}: {what}", host.name())).help(format!(
                "`mrsk {}` skips host setup; run `mrsk deploy`",
                self.operation.name()
            )),
        );
    }

    /// Keeps `text` among the plan's contents, and returns its key.
    pub fn content(&mut self, text: String) -> Sha256Hex {
        let key = Sha256Hex::of(text.as_bytes());
        self.contents.insert(key.clone(), text);
        key
    }

    /// Returns the writing of `text` to `path`, for a file that everybody may read.
    pub fn write(&mut self, path: &str, text: String) -> Action {
        Action::Write(Write {
            path: path.to_owned(),
            content: self.content(text),
            mode: "0644".into(),
        })
    }

    /// Returns the id of the step of `kind` on `host` (or on this machine), where there is one.
    pub fn find(&self, host: Option<&HostName>, kind: StepKind) -> Option<StepId> {
        self.steps_on(host)
            .rev()
            .find(|step| step.kind == kind)
            .map(|step| step.id.clone())
    }

    /// Returns the ids of all steps of `kind` on `host`.
    pub fn find_all(&self, host: &HostName, kind: StepKind) -> Vec<StepId> {
        self.steps_on(Some(host))
            .filter(|step| step.kind == kind)
            .map(|step| step.id.clone())
            .collect()
    }

    /// Returns the steps on `host` (or on this machine) in their order.
    pub fn steps_on(&self, host: Option<&HostName>) -> impl DoubleEndedIterator<Item = &Step> {
        let places = self.places.get(&host.cloned());
        places.into_iter().flatten().map(|at| &self.steps[*at])
    }
}
