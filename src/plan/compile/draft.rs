//! A plan in the making: what the passes read, and what they add to.

use std::collections::BTreeMap;

use super::placement::Placement;
use crate::action::{Action, Run};
use crate::config::model::{Config, Host};
use crate::diagnostic::Diagnostic;
use crate::facts::model::{Facts, HostFacts, Privilege};
use crate::name::{HostName, RoleName, Sha256Hex, StepId};
use crate::plan::kinds::StepKind;
use crate::plan::model::{
    Need, NeedOn, OnFailure, Reason, Reliance, Step, StepSecret, Travel, Unchanged,
};
use crate::plan::operation::Operation;
use crate::plan::predicate::Predicate;
use crate::text::shorten;
use crate::traefik::LabelError;

/// Seconds for a command that only talks to the local engine.
pub(super) const QUICK: u32 = 120;

/// Seconds for a command that fetches and installs packages.
pub(super) const INSTALL: u32 = 900;

/// Seconds without output after which a build, push or pull is given up.
pub(super) const SILENCE: u32 = 600;

/// The same for a build for other architectures: what is emulated is many times slower.
pub(super) const EMULATED_SILENCE: u32 = 3600;

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
                "{} prepares no host; `mrsk deploy` does",
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

/// Makes the id of a step: `WHERE/AREA/SUBJECT/VERB`. What stands in a part as `/` or `%` is percent-encoded, and so is the first
/// letter of a host that is called `local`: no two steps share an id.
pub(super) fn step_id(host: Option<&HostName>, area: &str, subject: &str, verb: &str) -> StepId {
    let part = |text: &str| text.replace('%', "%25").replace('/', "%2F");
    let place = match host.map(HostName::as_str) {
        None => "local".to_owned(),
        Some("local") => "%6Cocal".to_owned(),
        Some(host) => part(host),
    };
    StepId::new(format!("{place}/{}/{}/{verb}", part(area), part(subject)))
}

/// Builds a [`Step`] from what differs from the common case: no needs, [`QUICK`], a failure ends the host's part, and the step
/// may be the last that runs (a safe point stands before it).
pub(super) struct StepBuilder(Step);

impl StepBuilder {
    /// Returns a builder of a step without an action. Digests and commits of the summary are shortened.
    pub fn new(
        id: StepId,
        kind: StepKind,
        host: Option<&HostName>,
        summary: impl Into<String>,
        why: Reason,
    ) -> Self {
        Self(Step {
            id,
            kind,
            host: host.cloned(),
            role: None,
            accessory: None,
            summary: shorten(&summary.into()),
            why,
            needs: Vec::new(),
            action: Vec::new(),
            barrier: None,
            secrets: Vec::new(),
            check: None,
            diagnose: Vec::new(),
            cleanup: Vec::new(),
            on_failure: if host.is_some() {
                OnFailure::StopHost
            } else {
                OnFailure::StopRun
            },
            shared_lock: kind.changes_shared(),
            safe_point: true,
            timeout_seconds: QUICK,
            idle_timeout_seconds: 0,
            retry: 0,
        })
    }

    /// Sets the role.
    pub fn role(mut self, role: &RoleName) -> Self {
        self.0.role = Some(role.clone());
        self
    }

    /// Sets the accessory.
    pub fn accessory(mut self, accessory: &str) -> Self {
        self.0.accessory = Some(accessory.to_owned());
        self
    }

    /// Adds actions.
    pub fn does_all(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        self.0.action.extend(actions);
        self
    }

    /// Adds needs that must have succeeded.
    pub fn needs(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        for step in steps {
            if !self.0.needs.iter().any(|need| need.step == step) {
                self.0.needs.push(Need {
                    step,
                    on: NeedOn::Success,
                });
            }
        }
        self
    }

    /// Adds commands.
    pub fn runs(mut self, runs: impl IntoIterator<Item = Run>) -> Self {
        self.0.action.extend(runs.into_iter().map(Action::Run));
        self
    }

    /// Adds an action.
    pub fn does(mut self, action: Action) -> Self {
        self.0.action.push(action);
        self
    }

    /// Notes that secrets `names` travel `via`.
    pub fn secrets(mut self, names: &[String], via: Travel) -> Self {
        self.0.secrets.extend(names.iter().map(|name| StepSecret {
            name: name.clone(),
            via,
        }));
        self
    }

    /// Sets when the effect is there.
    pub fn done_when(mut self, predicates: Vec<Predicate>) -> Self {
        self.0.check = Some(crate::plan::model::Check::Facts(predicates));
        self
    }

    /// Sets the local command that says whether the effect is there.
    pub fn done_when_local(mut self, argv: Vec<String>) -> Self {
        self.0.check = Some(crate::plan::model::Check::Argv(argv));
        self
    }

    /// Sets what explains a failure, and what is undone after it.
    pub fn on_failure(mut self, diagnose: Vec<Run>, cleanup: Vec<Action>) -> Self {
        self.0.diagnose = diagnose;
        self.0.cleanup = cleanup;
        self
    }

    /// Sets the longest that an attempt may take.
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.0.timeout_seconds = seconds;
        self
    }

    /// Bounds the silence of an attempt rather than its length.
    pub fn silence(mut self, seconds: u32) -> Self {
        self.0.timeout_seconds = 0;
        self.0.idle_timeout_seconds = seconds;
        self
    }

    /// Sets whether a switch begins with the step. One that has begun is finished, so that only its first step is a safe point.
    pub fn begins(mut self, switch: bool) -> Self {
        self.0.safe_point = switch;
        self
    }

    /// Lets the run go on after a failure.
    pub fn tolerated(mut self) -> Self {
        self.0.on_failure = OnFailure::Tolerate;
        self
    }

    /// Repeats a failed attempt `times` times.
    pub fn retry(mut self, times: u32) -> Self {
        self.0.retry = times;
        self
    }

    /// Makes it a barrier.
    pub fn opens(mut self, barrier: crate::plan::model::Barrier) -> Self {
        self.0.barrier = Some(barrier);
        self.0.timeout_seconds = 0;
        self
    }

    /// Returns the step.
    pub fn build(self) -> Step {
        self.0
    }
}
