//! A plan in the making: what the passes read, and what they add to.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::placement::Placement;
use super::slot::Slot;
use crate::action::{Action, Run, Write};
use crate::config::model::{Config, Host};
use crate::diagnostic::Diagnostic;
use crate::docker::names::KAMAL_PROXY;
use crate::facts::model::{Facts, HostFacts, Privilege};
use crate::name::{HostName, Sha256Hex, StepId};
use crate::plan::{
    Need, NeedOn, OnFailure, Operation, Predicate, Reliance, Step, StepKind, Unchanged,
};
use crate::traefik::{LabelError, Renderer};

/// How the ports are freed that a kamal-proxy holds.
pub(super) const BY_HAND: &str = "stop it with `docker stop kamal-proxy`, and deploy at once: requests to the host fail until then";

/// A part of a plan, or why there can be none.
pub type Result<T> = std::result::Result<T, Vec<Diagnostic>>;

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
    /// Which waits for other hosts and for requests there are.
    pub waits: Waits,
    /// Registry digest of the image that every host must get, if it is known.
    pub image_digest: Option<&'a str>,
    /// Registry digest of the image that this operation has built and pushed already.
    pub pushed: Option<&'a str>,
    /// The selected hosts, in the order of the configuration.
    pub hosts: Vec<HostView<'a>>,
    /// The selected roles on their selected hosts, each by its first slot there.
    pub slots: Vec<Slot<'a>>,
    /// What is decided for each of these, in the order in which they start; empty if nothing is started.
    pub placements: Rc<Vec<Placement<'a>>>,
    /// Positions in [`Draft::placements`] by host.
    pub placed: HashMap<&'a HostName, Vec<usize>>,
    /// Positions in [`Draft::hosts`] of the first host that has a maintenance of a role, by role, once they are looked for.
    pub maintained: OnceCell<BTreeMap<String, usize>>,
    /// What renders routing files.
    pub renderer: Renderer,
    /// The steps so far; added to by [`Draft::add`] only.
    pub steps: Vec<Step>,
    /// Positions in [`Draft::steps`] by place, so that no pass looks through those of other hosts.
    pub places: HashMap<Option<HostName>, Vec<usize>>,
    /// What hosts rely on, so far.
    pub relies_on: BTreeMap<HostName, Vec<Reliance>>,
    /// What needs nothing, so far.
    pub unchanged: Vec<Unchanged>,
    /// What a reviewer should know, so far.
    pub warnings: Vec<String>,
    /// The same, to find them.
    pub warned: HashSet<String>,
    /// Texts of files, so far.
    pub contents: BTreeMap<Sha256Hex, String>,
    /// Why no plan can be made, so far.
    pub errors: Vec<Diagnostic>,
}

/// Which waits for other hosts and for requests a plan has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// All that are configured.
    All,
    /// None: it rolls back from a version that serves nowhere.
    None,
}

/// A selected host and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct HostView<'a> {
    /// Its entry in the configuration.
    pub host: &'a Host,
    /// What it answered.
    pub facts: &'a HostFacts,
    /// Whether the image is needed there, as a container is to be created from it.
    pub changes: bool,
    /// Whether it has a role that Traefik routes to.
    pub traefik: bool,
}

impl<'a> HostView<'a> {
    /// Returns the host's name.
    pub fn name(&self) -> &'a HostName {
        &self.host.name
    }

    /// Returns the step `[area, subject, verb]` on this host.
    pub fn step(&self, kind: StepKind, id: [&str; 3]) -> Step {
        Step::new(Some(self.name()), kind, id)
    }

    /// Returns a command that needs root, as this host's user runs it: `command`'s words, and `more`.
    pub fn as_root(&self, command: &str, more: &[&str]) -> Action {
        let sudo: &[&str] = match self.facts.privilege {
            Privilege::Root => &[],
            Privilege::Sudo | Privilege::None => &["sudo", "-n"],
        };
        let words = sudo.iter().copied().chain(command.split(' '));
        Run::literal(words.chain(more.iter().copied())).into()
    }
}

impl<'a> Draft<'a> {
    /// Returns the registry digest of the image that every host must get, if it is known.
    pub fn pinned_digest(&self) -> Option<&'a str> {
        self.image_digest.or(self.pushed)
    }

    /// Returns what is decided for the roles of `host`.
    pub fn placements_on(&self, host: &HostName) -> impl Iterator<Item = &Placement<'a>> {
        let placed = self.placed.get(host).into_iter().flatten();
        placed.map(|at| &self.placements[*at])
    }

    /// Returns the image that is deployed as people name it: without the registry's server.
    pub fn image_name(&self) -> String {
        format!("{}:{}", self.config.image, self.version)
    }

    /// Returns how many seconds an old container may take at most to finish its requests.
    pub fn drain_timeout(&self) -> u32 {
        let configured = self.config.drain_timeout;
        let asked = self.operation.break_glass.drain_timeout;
        match self.waits {
            Waits::All => asked.unwrap_or(configured),
            Waits::None => asked.unwrap_or(configured.min(1)),
        }
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
            let reliances = self.relies_on.entry(host.clone()).or_default();
            reliances.push(Reliance::new(predicate, steps));
        }
    }

    /// Notes, once, why no plan can be made.
    pub fn refuse(&mut self, error: Diagnostic) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Notes, once, what a reviewer should know.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if self.warned.insert(warning.clone()) {
            self.warnings.push(warning);
        }
    }

    /// Notes, once, what a reviewer should know before all else.
    pub fn warn_first(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if self.warned.insert(warning.clone()) {
            self.warnings.insert(0, warning);
        }
    }

    /// Notes that Traefik would not take these labels or arguments.
    pub fn refuse_labels(&mut self, kind: &str, errors: Vec<LabelError>) {
        for error in errors {
            let problem = format!("{kind} `{}`: {}", error.label, error.message);
            let mut diagnostic = Diagnostic::error(problem).about(error.label);
            diagnostic.help = error.help;
            self.refuse(diagnostic);
        }
    }

    /// Notes that `host` lacks what a deploy would give it, and this operation does not.
    pub fn refuse_unprepared(&mut self, host: &HostView, what: &str) {
        let error = Diagnostic::error(format!("host {}: {what}", host.name()));
        let name = self.operation.name();
        self.refuse(error.help(format!("`mrsk {name}` skips host setup; run `mrsk deploy`")));
    }

    /// Notes that another than `container`, which is that of `what`, holds `port`, if so.
    pub fn check_port(
        &mut self,
        host: &HostView,
        port: u16,
        (what, container): (&str, &str),
        remedy: &str,
    ) {
        let Some(taken) = host.facts.ports.get(&port.to_string()) else {
            return;
        };
        let (host, holder) = (host.name(), &taken.holder);
        if *holder != format!("container {container}") {
            let problem =
                format!("host {host}: port {port} for {what} is already in use ({holder})");
            let help = match holder.strip_prefix("container ") {
                Some(KAMAL_PROXY) => {
                    format!("{BY_HAND}; docs/migrating.md has the way back")
                }
                _ => format!("stop it, or {remedy}"),
            };
            self.refuse(Diagnostic::error(problem).help(help));
        }
    }

    /// Returns the writing of `text` to `path`, for a file that everybody may read.
    pub fn write(&mut self, path: &str, text: String) -> Action {
        let content = Sha256Hex::of(text.as_bytes());
        self.contents.insert(content.clone(), text);
        let (path, mode) = (path.to_owned(), "0644".to_owned());
        Action::Write(Write {
            path,
            content,
            mode,
        })
    }

    /// Returns the id of the last step of `kind` on `host` (or on this machine), if there is one.
    pub fn find(&self, host: Option<&HostName>, kind: StepKind) -> Option<StepId> {
        let mut steps = self.steps_on(host).rev();
        let step = steps.find(|step| step.kind == kind);
        step.map(|step| step.id.clone())
    }

    /// Returns what [`Draft::find`] does on `host`, for each of `kinds`.
    pub fn find_each(&self, host: &HostName, kinds: &[StepKind]) -> Vec<StepId> {
        let found = kinds.iter().filter_map(|kind| self.find(Some(host), *kind));
        found.collect()
    }

    /// Returns the steps on `host` (or on this machine) in their order.
    pub fn steps_on(
        &self,
        host: Option<&HostName>,
    ) -> impl DoubleEndedIterator<Item = &Step> + Clone {
        let places = self.places.get(&host.cloned());
        places.into_iter().flatten().map(|at| &self.steps[*at])
    }
}

/// Returns the last of `steps`: those that no other of them needs.
pub(super) fn ends<'s>(steps: impl Iterator<Item = &'s Step> + Clone) -> Vec<&'s Step> {
    let needs = steps.clone().flat_map(|step| &step.needs);
    let needed: BTreeSet<&StepId> = needs.map(|need| &need.step).collect();
    steps.filter(|step| !needed.contains(&step.id)).collect()
}

/// Returns needs of the last of `steps`. What failed and is tolerated is as good as what succeeded.
pub(super) fn needs_of_ends<'s>(steps: impl Iterator<Item = &'s Step> + Clone) -> Vec<Need> {
    let need = |end: &Step| Need {
        step: end.id.clone(),
        on: match end.on_failure {
            OnFailure::Tolerate => NeedOn::Settled,
            OnFailure::StopRun | OnFailure::StopHost => NeedOn::Success,
        },
    };
    ends(steps).into_iter().map(need).collect()
}
