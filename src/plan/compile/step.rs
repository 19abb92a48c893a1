//! Builds the steps of a plan from what differs from the common case.

use crate::action::{Action, Run};
use crate::name::{HostName, RoleName, StepId};
use crate::plan::kinds::StepKind;
use crate::plan::model::{
    Barrier, Check, Need, NeedOn, OnFailure, Reason, Step, StepSecret, Travel,
};
use crate::plan::predicate::Predicate;
use crate::text::shorten;

/// Seconds for a command that only talks to the local engine.
pub const QUICK: u32 = 120;

/// Seconds for a command that fetches and installs packages.
pub const INSTALL: u32 = 900;

/// Seconds without output after which a build, push or pull is given up.
pub const SILENCE: u32 = 600;

/// The same for a build for other architectures: what is emulated is many times slower.
pub const EMULATED_SILENCE: u32 = 3600;

/// Makes the id of a step: `WHERE/AREA/SUBJECT/VERB`. What stands in a part as `/` or `%` is percent-encoded, and so is the first
/// letter of a host that is called `local`: no two steps share an id.
pub fn step_id(host: Option<&HostName>, area: &str, subject: &str, verb: &str) -> StepId {
    let part = |text: &str| text.replace('%', "%25").replace('/', "%2F");
    let place = match host.map(HostName::as_str) {
        None => "local".to_owned(),
        Some("local") => "%6Cocal".to_owned(),
        Some(host) => part(host),
    };
    StepId::from(format!("{place}/{}/{}/{verb}", part(area), part(subject)))
}

/// Builds a [`Step`] from what differs from the common case: no needs, [`QUICK`], a failure ends the host's part, and the step
/// may be the last that runs (a safe point stands before it).
pub struct StepBuilder(Step);

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
        self.0.check = Some(Check::Facts(predicates));
        self
    }

    /// Sets the local command that says whether the effect is there.
    pub fn done_when_local(mut self, argv: Vec<String>) -> Self {
        self.0.check = Some(Check::Argv(argv));
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

    /// Says that it stands within a switch: one that has begun is finished, so that only its first step is a safe point.
    pub fn within_switch(mut self) -> Self {
        self.0.safe_point = false;
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
    pub fn opens(mut self, barrier: Barrier) -> Self {
        self.0.barrier = Some(barrier);
        self.0.timeout_seconds = 0;
        self
    }

    /// Returns the step.
    pub fn build(self) -> Step {
        self.0
    }
}
